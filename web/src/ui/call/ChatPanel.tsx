/** What was said in writing, and a field to say more. Texts are shown as texts; only plain web addresses become links. */

import { SendHorizontal } from 'lucide-react';
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode, type SyntheticEvent } from 'react';
import type { CallModel } from '../../state/call-model';
import type { CallState } from '../../state/call-state';
import { groupsOf, partsOf, type ChatGroup } from '../../state/chat';
import { useTexts } from '../language';
import { memoOn } from '../parts/memo-on';
import { SidePanel } from './SidePanel';

/** As much as the server takes. */
const MAX_BYTES = 4096;

interface Props {
  call: CallModel;
  state: Pick<CallState, 'chat' | 'rights' | 'selfId'>;
}

export const ChatPanel = memoOn<Props>(['chat', 'rights', 'selfId'], function ChatPanel({ call, state }) {
  const texts = useTexts().chat;
  const { messages } = state.chat;
  return (
    <SidePanel title={texts.title} testId="chat-panel" onClose={() => call.togglePanel('chat')}>
      {messages.length === 0 ? <p className="panel-empty">{texts.empty}</p> : <Messages groups={groupsOf(messages)} selfId={state.selfId} />}
      {state.rights.chat ? <MessageForm call={call} /> : <p className="panel-note">{texts.off}</p>}
    </SidePanel>
  );
});

function Messages({ groups, selfId }: { groups: readonly ChatGroup[]; selfId: string }): ReactNode {
  const texts = useTexts();
  const list = useRef<HTMLDivElement>(null);
  const last = groups.at(-1)?.messages.at(-1)?.id;
  useEffect(() => {
    list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [last]);
  return (
    <div className="messages" ref={list} role="log" aria-label={texts.chat.messages} tabIndex={0}>
      {groups.map((group) => (
        <article key={group.key} aria-label={group.displayName} className={`message-group${group.peerId === selfId ? ' message-own' : ''}`}>
          <p className="message-head">
            <strong>{group.displayName}</strong>
            <time dateTime={new Date(group.sentAt).toISOString()}>{timeOf(group.sentAt, document.documentElement.lang)}</time>
          </p>
          {group.messages.map(({ id, text }) => (
            <p key={id} className="message-text" data-testid="chat-message">
              <Linked text={text} />
            </p>
          ))}
        </article>
      ))}
    </div>
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

function MessageForm({ call }: { call: CallModel }): ReactNode {
  const texts = useTexts().chat;
  const [text, setText] = useState('');
  const isTooLong = new TextEncoder().encode(text.trim()).length > MAX_BYTES;
  const canSend = text.trim() !== '' && !isTooLong;
  const send = (): void => {
    if (!canSend) return;
    setText('');
    void call.say(text).then((isSent) => {
      if (!isSent) setText(text);
    });
  };
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter sends, with Shift it begins a line; while a word is being composed it belongs to the keyboard.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    send();
  };
  return (
    <form className="message-form" onSubmit={onSubmit}>
      {isTooLong && (
        <p className="panel-note" role="alert">
          {texts.tooLong}
        </p>
      )}
      <textarea
        data-testid="chat-input"
        aria-label={texts.placeholder}
        placeholder={texts.placeholder}
        rows={Math.min(5, text.split('\n').length)}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <button type="submit" className="send-button" aria-label={texts.send} title={texts.send} disabled={!canSend}>
        <SendHorizontal size={20} aria-hidden="true" />
      </button>
    </form>
  );
}
