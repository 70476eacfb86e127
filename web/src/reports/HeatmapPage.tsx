import { useState } from 'react';
import { useQuery } from 'urql';
import { canReadAgentProfiles, isLead } from '../api/roles';
import type { Session } from '../api/session';
import { AgentProfilesDocument, HeatmapDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { PeriodSelect, ReportTabs, TeamSelect, usePeriod, useTimeZone } from './ReportControls';
import { formatPercent } from './format';
import { ResponseGaps } from './ResponseGaps';
import { HeatmapGrid, HeatmapLegend } from './HeatmapGrid';
import { MEASURES, type Measure } from './heatmap';
import { HeatmapExport } from './HeatmapExport';

/** 响应热力图: when tickets arrive and are answered, and the hours without a response in time. */
export function HeatmapPage({ viewer }: { viewer: Session['viewer'] }) {
  const [lang, t] = useLanguage();
  const [preset, setPreset, period] = usePeriod();
  const zone = useTimeZone();
  const [team, setTeam] = useState('');
  const [agent, setAgent] = useState('');
  const [measure, setMeasure] = useState<Measure>('arrivals');
  /** The gap that the user points at in the list. */
  const [highlightedGap, setHighlightedGap] = useState<number | null>(null);
  const [{ data: colleagues }] = useQuery({ query: AgentProfilesDocument, pause: !canReadAgentProfiles(viewer) });
  const allAgents = colleagues?.agentProfiles.map(({ user }) => user) ?? [];
  const teamAgents = allAgents.filter(({ teams }) => team === '' || teams.some(({ id }) => id === team));
  const [{ data, error, fetching }, refetch] = useQuery({
    query: HeatmapDocument,
    variables: { period: { from: period?.from ?? '', to: period?.to ?? '' }, teamId: team || null, agentId: agent || null },
    pause: period === null,
  });
  const heatmap = data?.responseHeatmap;
  const arrivals = heatmap?.cells.reduce((sum, cell) => sum + cell.arrivals, 0) ?? 0;
  const inTime = heatmap?.cells.reduce((sum, cell) => sum + cell.answeredInTime, 0) ?? 0;
  return (
    <>
      <ReportTabs />
      <div className="toolbar">
        <PeriodSelect preset={preset} onChange={setPreset} />
        <TeamSelect
          team={team}
          onChange={(teamId) => {
            setTeam(teamId);
            setAgent('');
          }}
        />
        {allAgents.length > 0 && (
          <select aria-label={t('ticket.assignee')} value={agent} onChange={(event) => setAgent(event.target.value)} data-testid="agent">
            <option value="">{t('heatmap.agent.all')}</option>
            {teamAgents.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
        {heatmap && (
          <span className="quiet">
            {arrivals === 0 ?
              t('report.noData')
            : t('heatmap.counts', { arrivals, share: formatPercent(lang, inTime / arrivals), zone: heatmap.timeZone })}
          </span>
        )}
        {fetching && <span role="status">{t('loading')}</span>}
      </div>
      {error && <ErrorNote error={error} onRetry={() => refetch({ requestPolicy: 'network-only' })} />}
      {heatmap && (
        <div className="report" data-testid="heatmap">
          <section className="panel heatmap">
            <div className="choice" role="group" aria-label={t('heatmap.measure')}>
              {MEASURES.map((key) => (
                <button key={key} type="button" aria-pressed={measure === key} onClick={() => setMeasure(key)}>
                  {t(`heatmap.measure.${key}`)}
                </button>
              ))}
            </div>
            <HeatmapGrid cells={heatmap.cells} gaps={heatmap.gaps} measure={measure} highlightedGap={highlightedGap} />
            <HeatmapLegend cells={heatmap.cells} measure={measure} gaps={heatmap.gaps.length} />
          </section>
          <ResponseGaps
            // Another selection has other gaps, so an open form must not be kept.
            key={`${agent} ${team} ${preset}`}
            gaps={heatmap.gaps}
            agent={isLead(viewer) && agent !== '' ? agent : null}
            people={allAgents}
            onHighlight={setHighlightedGap}
          />
          {zone && <HeatmapExport team={team} zone={zone} />}
        </div>
      )}
    </>
  );
}
