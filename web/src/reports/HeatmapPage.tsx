import { useState } from 'react';
import { useQuery } from 'urql';
import { isColleague, leads } from '../api/roles';
import type { Session } from '../api/session';
import { ColleaguesDocument, HeatmapDocument } from '../gql';
import { useLanguage } from '../i18n';
import { ErrorNote } from '../shell/ErrorNote';
import { PeriodChoice, ReportTabs, TeamChoice, usePeriod, useZone } from './Choosers';
import { percent } from './format';
import { Gaps } from './Gaps';
import { Grid, Legend } from './Grid';
import { MEASURES, type Measure } from './heat';
import { MonthFile } from './MonthFile';

/** 响应热力图: when help was asked for and when it came, and the hours in which it did not. */
export function HeatmapPage({ viewer }: { viewer: Session['viewer'] }) {
  const [lang, t] = useLanguage();
  const [preset, setPreset, asked] = usePeriod();
  const zone = useZone();
  const [team, setTeam] = useState('');
  const [agent, setAgent] = useState('');
  const [measure, setMeasure] = useState<Measure>('arrivals');
  /** The gap that somebody looks at in the list. */
  const [shown, setShown] = useState<number | null>(null);
  const [{ data: known }] = useQuery({ query: ColleaguesDocument, pause: !isColleague(viewer) });
  const everybody = known?.agentProfiles.map(({ user }) => user) ?? [];
  const people = everybody.filter(({ teams }) => team === '' || teams.some(({ id }) => id === team));
  const [{ data, error, fetching }, load] = useQuery({
    query: HeatmapDocument,
    variables: { period: { from: asked?.from ?? '', to: asked?.to ?? '' }, teamId: team || null, agentId: agent || null },
    pause: asked === null,
  });
  const heatmap = data?.responseHeatmap;
  const arrivals = heatmap?.cells.reduce((sum, cell) => sum + cell.arrivals, 0) ?? 0;
  const inTime = heatmap?.cells.reduce((sum, cell) => sum + cell.answeredInTime, 0) ?? 0;
  return (
    <>
      <ReportTabs />
      <div className="toolbar">
        <PeriodChoice preset={preset} choose={setPreset} />
        <TeamChoice
          team={team}
          choose={(of) => {
            setTeam(of);
            setAgent('');
          }}
        />
        {everybody.length > 0 && (
          <select aria-label={t('ticket.assignee')} value={agent} onChange={(event) => setAgent(event.target.value)} data-testid="agent">
            <option value="">{t('heatmap.agent.all')}</option>
            {people.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        )}
        {heatmap && (
          <span className="quiet">
            {arrivals === 0 ?
              t('report.nothing')
            : t('heatmap.counts', { arrivals, share: percent(lang, inTime / arrivals), zone: heatmap.timeZone })}
          </span>
        )}
        {fetching && <span role="status">{t('loading')}</span>}
      </div>
      {error && <ErrorNote error={error} again={() => load({ requestPolicy: 'network-only' })} />}
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
            <Grid cells={heatmap.cells} gaps={heatmap.gaps} measure={measure} shown={shown} />
            <Legend cells={heatmap.cells} measure={measure} gaps={heatmap.gaps.length} />
          </section>
          <Gaps
            // Another choice has gaps of its own: a form that is open belongs to the ones before.
            key={`${agent} ${team} ${preset}`}
            gaps={heatmap.gaps}
            agent={leads(viewer) && agent !== '' ? agent : null}
            people={everybody}
            look={setShown}
          />
          {zone && <MonthFile team={team} zone={zone} />}
        </div>
      )}
    </>
  );
}
