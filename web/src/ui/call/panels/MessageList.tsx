/** The chat messages. Earlier ones are loaded by a button or by scrolling to the top. Messages are plain text; only web addresses become links. */

import { useEffect, useRef, type ReactNode } from 'react';
import type { CallModel } from '../../../state/call/call-model';
import { groupsOf, partsOf, type ChatGroup, type ChatLog, type Earlier } from '../../../state/chat/chat';
import { useKeptScroll } from '../../hooks/useKeptScroll';
import { useTexts } from '../../language';
import { AuthorMenu } from './AuthorMenu';

/** Earlier messages are loaded this close to the top. */
const NEAR_TOP_PX = 48;

interface Props {
  call: CallModel;
  chat: ChatLog;
  selfId: string;
  /** Whether the local participant is a moderator. */
  isModerator: boolean;
}

export function MessageList({ call, chat: { messages, earlier }, selfId, isModerator }: Props): ReactNode {
  const texts = useTexts().chat;
  const { list, notePlace } = useKeptScroll(messages, selfId, earlier);
  const loadEarlier = (): void => void call.loadEarlier();
  const onScroll = (): void => {
    notePlace();
    if (earlier === 'more' && list.current !== null && isAtTop(list.current)) loadEarlier();
  };
  const hasEarlier = earlier !== 'none';
  const hadEarlier = useRef(hasEarlier);
  useEffect(() => {
    // The focused button is gone: moves the focus to the list.
    if (hadEarlier.current && !hasEarlier && document.activeElement === document.body) list.current?.focus({ preventScroll: true });
    hadEarlier.current = hasEarlier;
  }, [hasEarlier, list]);
  return (
    <div className="messages" ref={list} role="log" aria-label={texts.messages} aria-busy={earlier === 'loading'} tabIndex={0} onScroll={onScroll}>
      {earlier !== 'none' && <EarlierButton earlier={earlier} onPress={loadEarlier} />}
      {groupsOf(messages).map((group) => {
        const isOwn = group.peerId === selfId;
        return <Group key={group.key} group={group} isOwn={isOwn} menu={isModerator && !isOwn && <AuthorMenu author={group} call={call} />} />;
      })}
    </div>
  );
}

/** Not if the keyboard has scrolled to the button: then the user presses it. */
function isAtTop(list: HTMLElement): boolean {
  return list.scrollTop < NEAR_TOP_PX && list.querySelector('.messages-earlier :focus-visible') === null;
}

/** Never disabled, so that it keeps the focus while loading. */
function EarlierButton({ earlier, onPress }: { earlier: Exclude<Earlier, 'none'>; onPress: () => void }): ReactNode {
  const texts = useTexts();
  const labels = {
    more: texts.chat.loadEarlier,
    loading: texts.chat.loadingEarlier,
    failed: `${texts.chat.earlierFailed} ${texts.common.tryAgain}`,
  };
  return (
    <p className="messages-earlier" role="status">
      <button type="button" className="button button-small button-quiet" data-testid="load-earlier" aria-disabled={earlier === 'loading'} onClick={onPress}>
        {labels[earlier]}
      </button>
    </p>
  );
}

function Group({ group, isOwn, menu }: { group: ChatGroup; isOwn: boolean; menu: ReactNode }): ReactNode {
  return (
    <article aria-label={group.displayName} className={`message-group${isOwn ? ' message-own' : ''}`}>
      <p className="message-head">
        <strong>{group.displayName}</strong>
        <time dateTime={new Date(group.sentAt).toISOString()}>{timeOf(group.sentAt, document.documentElement.lang)}</time>
        {menu}
      </p>
      {group.messages.map(({ id, text }) => (
        <p key={id} className="message-text" data-testid="chat-message" data-message-id={id}>
          <Linked text={text} />
        </p>
      ))}
    </article>
  );
}

function Linked({ text }: { text: string }): ReactNode {
  return partsOf(text).map((part, index) =>
    part.kind === 'text' ? (
      part.text
    ) : (
      <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
        {part.text}
      </a>
    ),
  );
}

function timeOf(moment: number, language: string): string {
  return new Intl.DateTimeFormat(language, { hour: '2-digit', minute: '2-digit' }).format(moment);
}
