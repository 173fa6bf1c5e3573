/** Statistics of the call for support, updated every two seconds. */

import { Copy, X } from 'lucide-react';
import { useEffect, useState, type ReactNode } from 'react';
import type { CallStats } from '../../../core/session/connection/stats';
import type { JoinRow } from '../../../core/session/timeline';
import type { CallModel } from '../../../state/call/call-model';
import { statisticsOf, type StatisticsView, type StreamRow } from '../../../state/call/statistics';
import type { Person } from '../../../state/tiles/tiles';
import { useTexts } from '../../language';
import { copyText } from '../controls/page-actions';

const PERIOD_MS = 2000;

export function StatisticsPanel({ call, people }: { call: CallModel; people: readonly Person[] }): ReactNode {
  const texts = useTexts();
  const [isCopied, setCopied] = useState(false);
  const view = useStatistics(call);
  const nameOf = (peerId: string): string => people.find((person) => person.peerId === peerId)?.name ?? peerId;
  return (
    <section className="statistics" aria-label={texts.statistics.title} data-testid="statistics">
      <header>
        <h2>{texts.statistics.title}</h2>
        {globalThis.isSecureContext && (
          <button
            type="button"
            className="button button-small button-quiet"
            onClick={() => copyText(JSON.stringify(view, undefined, 2), () => setCopied(true))}
          >
            <Copy size={14} aria-hidden="true" />
            {isCopied ? texts.common.copied : texts.statistics.copy}
          </button>
        )}
        <button type="button" className="icon-button" aria-label={texts.common.close} onClick={() => call.toggleStatistics()}>
          <X size={18} aria-hidden="true" />
        </button>
      </header>
      <div className="statistics-content" tabIndex={0}>
        <PathLine view={view} />
        <StreamTable caption={texts.statistics.sends} last="layers" rows={view?.sent ?? []} nameOf={nameOf} />
        <StreamTable caption={texts.statistics.receives} last="loss" rows={view?.received ?? []} nameOf={nameOf} />
        <JoiningTable rows={view?.joining ?? []} />
      </div>
    </section>
  );
}

function useStatistics(call: CallModel): StatisticsView | undefined {
  const [view, setView] = useState<StatisticsView>();
  useEffect(() => {
    let before: CallStats | undefined;
    let hasEnded = false;
    const look = async (): Promise<void> => {
      const now = await call.stats();
      if (hasEnded || now === undefined) return;
      setView(statisticsOf(before, now));
      before = now;
    };
    void look();
    const timer = setInterval(() => void look(), PERIOD_MS);
    return () => {
      hasEnded = true;
      clearInterval(timer);
    };
  }, [call]);
  return view;
}

function PathLine({ view }: { view: StatisticsView | undefined }): ReactNode {
  const texts = useTexts().statistics;
  const path = view?.path;
  if (path === undefined) return <p className="statistics-path">{texts.nothing}</p>;
  const { localCandidate, remoteCandidate, protocol, roundTripSeconds, availableBitrate } = path;
  return (
    <p className="statistics-path">
      {texts.path}: {localCandidate} → {remoteCandidate} ({protocol}) · {texts.roundTrip}: {Math.round(roundTripSeconds * 1000)} ms · {texts.available}:{' '}
      {(availableBitrate / 1_000_000).toFixed(1)} Mbit/s
    </p>
  );
}

/** Steps that were prepared have times before the click. */
function JoiningTable({ rows }: { rows: readonly JoinRow[] }): ReactNode {
  const texts = useTexts().statistics;
  if (rows.length === 0) return null;
  return (
    <table data-testid="joining">
      <caption>
        {texts.joining} ({texts.afterClick})
      </caption>
      <tbody>
        {rows.map(({ step, milliseconds }) => (
          <tr key={step}>
            <th scope="row">{texts.steps[step]}</th>
            <td className="statistics-time">{Math.round(milliseconds)} ms</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface TableProps {
  caption: string;
  /** The last column: layers of what is sent, packet loss of what is received. */
  last: 'layers' | 'loss';
  rows: readonly StreamRow[];
  nameOf: (peerId: string) => string;
}

function StreamTable({ caption, last, rows, nameOf }: TableProps): ReactNode {
  const texts = useTexts().statistics;
  return (
    <table>
      <caption>{caption}</caption>
      <thead>
        <tr>
          {[texts.what, texts.codec, texts.size, texts.frames, texts.rate, texts[last]].map((head) => (
            <th key={head} scope="col">
              {head}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <th scope="row">{row.peerId === '' ? texts.kinds[row.kind] : `${nameOf(row.peerId)} · ${texts.kinds[row.kind]}`}</th>
            <td>{row.codec}</td>
            <td>{row.size}</td>
            <td data-unit={texts.frames}>{row.size === '' ? '' : row.framesPerSecond}</td>
            <td data-unit={texts.rate}>{row.kilobitsPerSecond}</td>
            {last === 'layers' ? (
              <td data-unit={texts.layers}>{row.layers}</td>
            ) : (
              <td>
                {row.lossPercent}
                {row.lossPercent === undefined ? '' : ' %'}
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}
