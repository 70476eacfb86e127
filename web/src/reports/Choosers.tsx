/** What every report is asked for: a period, a team; and the way from one report to another. */
import { useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useCatalogue } from '../api/catalogue';
import { AboutDocument } from '../gql';
import { useLanguage } from '../i18n';
import { PRESETS, spanOf, type Preset, type Span } from './period';

export function ReportTabs() {
  const [, t] = useLanguage();
  const active = (isActive: boolean) => (isActive ? 'active' : '');
  return (
    <nav className="tabs" aria-label={t('nav.reports')}>
      <Link href="/reports" className={active}>
        {t('report.layers')}
      </Link>
      <Link href="/reports/heatmap" className={active} data-testid="to-heatmap">
        {t('heatmap.title')}
      </Link>
      <Link href="/reports/health" className={active} data-testid="to-health">
        {t('health.title')}
      </Link>
      <Link href="/reports/divergence" className={active} data-testid="to-divergence">
        {t('divergence.title')}
      </Link>
    </nav>
  );
}

/** The time zone of the organisation, once it is known. */
export function useZone(): string | undefined {
  const [{ data }] = useQuery({ query: AboutDocument });
  return data?.about.timeZone;
}

/** A period by its name, and what it means now; `null` until the time zone is known. */
export function usePeriod(): [Preset, (preset: Preset) => void, Span | null] {
  const [preset, setPreset] = useState<Preset>('days90');
  const zone = useZone();
  const [opened] = useState(() => Date.now());
  const asked = useMemo(() => (zone ? spanOf(preset, opened, zone) : null), [preset, opened, zone]);
  return [preset, setPreset, asked];
}

export function PeriodChoice({ preset, choose }: { preset: Preset; choose: (preset: Preset) => void }) {
  const [, t] = useLanguage();
  return (
    <select aria-label={t('report.period')} value={preset} onChange={(event) => choose(event.target.value as Preset)} data-testid="period">
      {PRESETS.map((key) => (
        <option key={key} value={key}>
          {t(`report.period.${key}`)}
        </option>
      ))}
    </select>
  );
}

/** The id of a team; empty for all. */
export function TeamChoice({ team, choose }: { team: string; choose: (team: string) => void }) {
  const [, t] = useLanguage();
  const { teams } = useCatalogue();
  return (
    <select aria-label={t('ticket.team')} value={team} onChange={(event) => choose(event.target.value)} data-testid="team">
      <option value="">{t('board.team.all')}</option>
      {teams.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}
