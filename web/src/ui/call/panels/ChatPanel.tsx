/** The chat panel: messages and the input field. */

import { SendHorizontal } from 'lucide-react';
import { useState, type KeyboardEvent, type ReactNode, type SyntheticEvent } from 'react';
import type { CallModel } from '../../../state/call/call-model';
import type { CallState } from '../../../state/call/call-state';
import { withUnsent } from '../../../state/chat/draft';
import { useTexts } from '../../language';
import { memoOn } from '../../parts/memo-on';
import { MessageList } from './MessageList';
import { SidePanel } from './SidePanel';

/** As much as the server accepts. */
const MAX_BYTES = 4096;

interface Props {
  call: CallModel;
  state: Pick<CallState, 'chat' | 'rights' | 'selfId'>;
}

export const ChatPanel = memoOn<Props>(['chat', 'rights', 'selfId'], function ChatPanel({ call, state }) {
  const texts = useTexts().chat;
  const { messages, earlier } = state.chat;
  return (
    <SidePanel title={texts.title} testId="chat-panel" onClose={() => call.togglePanel('chat')}>
      {messages.length === 0 && earlier === 'none' ? (
        <p className="panel-empty">{texts.empty}</p>
      ) : (
        <MessageList call={call} chat={state.chat} selfId={state.selfId} isModerator={state.rights.isModerator} />
      )}
      {state.rights.chat ? <MessageForm call={call} /> : <p className="panel-note">{texts.off}</p>}
    </SidePanel>
  );
});

function MessageForm({ call }: { call: CallModel }): ReactNode {
  const texts = useTexts().chat;
  const [text, setText] = useState('');
  const isTooLong = new TextEncoder().encode(text.trim()).length > MAX_BYTES;
  const canSend = text.trim() !== '' && !isTooLong;
  const send = (): void => {
    if (!canSend) return;
    setText('');
    void call.say(text).then((isSent) => {
      if (!isSent) setText((now) => withUnsent(now, text));
    });
  };
  const onSubmit = (event: SyntheticEvent): void => {
    event.preventDefault();
    send();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter sends, Shift+Enter starts a new line; during composition Enter belongs to the input method.
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
