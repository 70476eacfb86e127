/** Controls that all reports share: period, team, and the tabs between reports. */
import { useMemo, useState } from 'react';
import { useQuery } from 'urql';
import { Link } from 'wouter';
import { useCatalogue } from '../api/catalogue';
import { AboutDocument } from '../gql';
import { useLanguage } from '../i18n';
import { PRESETS, resolvePreset, type Preset, type ReportPeriod } from './period';

export function ReportTabs() {
  const [, t] = useLanguage();
  const activeClass = (isActive: boolean) => (isActive ? 'active' : '');
  return (
    <nav className="tabs" aria-label={t('nav.reports')}>
      <Link href="/reports" className={activeClass}>
        {t('report.layers')}
      </Link>
      <Link href="/reports/heatmap" className={activeClass} data-testid="to-heatmap">
        {t('heatmap.title')}
      </Link>
      <Link href="/reports/health" className={activeClass} data-testid="to-health">
        {t('health.title')}
      </Link>
      <Link href="/reports/divergence" className={activeClass} data-testid="to-divergence">
        {t('divergence.title')}
      </Link>
    </nav>
  );
}

/** The time zone of the organisation, once it is loaded. */
export function useTimeZone(): string | undefined {
  const [{ data }] = useQuery({ query: AboutDocument });
  return data?.about.timeZone;
}

/** The selected preset and its current period; `null` until the time zone is loaded. */
export function usePeriod(): [Preset, (preset: Preset) => void, ReportPeriod | null] {
  const [preset, setPreset] = useState<Preset>('days90');
  const zone = useTimeZone();
  const [openedAt] = useState(() => Date.now());
  const period = useMemo(() => (zone ? resolvePreset(preset, openedAt, zone) : null), [preset, openedAt, zone]);
  return [preset, setPreset, period];
}

export function PeriodSelect({ preset, onChange }: { preset: Preset; onChange: (preset: Preset) => void }) {
  const [, t] = useLanguage();
  return (
    <select aria-label={t('report.period')} value={preset} onChange={(event) => onChange(event.target.value as Preset)} data-testid="period">
      {PRESETS.map((key) => (
        <option key={key} value={key}>
          {t(`report.period.${key}`)}
        </option>
      ))}
    </select>
  );
}

/** The id of a team; empty for all teams. */
export function TeamSelect({ team, onChange }: { team: string; onChange: (team: string) => void }) {
  const [, t] = useLanguage();
  const { teams } = useCatalogue();
  return (
    <select aria-label={t('ticket.team')} value={team} onChange={(event) => onChange(event.target.value)} data-testid="team">
      <option value="">{t('board.team.all')}</option>
      {teams.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}
