import { useEffect } from 'react';
import { Provider } from 'urql';
import { Route, Switch, useRoute } from 'wouter';
import { client } from './api/client';
import { canReadAgentProfiles, isStaff, isLead } from './api/roles';
import { session } from './api/session';
import { Board } from './board/Board';
import { useLanguage } from './i18n';
import { useStore } from './lib/store';
import { CardPage } from './knowledge/CardPage';
import { Knowledge } from './knowledge/Knowledge';
import { LinkPage } from './link/LinkPage';
import { NewCard } from './knowledge/NewCard';
import { ProfilePage } from './me/ProfilePage';
import { NewTicket } from './new/NewTicket';
import { DivergencePage } from './panorama/DivergencePage';
import { PanoramaPage } from './panorama/PanoramaPage';
import { SurveyPage } from './survey/SurveyPage';
import { HealthReport } from './reports/HealthReport';
import { HeatmapPage } from './reports/HeatmapPage';
import { Reports } from './reports/Reports';
import { RequestPage } from './request/RequestPage';
import { Settings } from './settings/Settings';
import { NotFound } from './shell/NotFound';
import { Shell } from './shell/Shell';
import { SignIn } from './shell/SignIn';
import { TicketPage } from './ticket/TicketPage';

export function App() {
  const currentSession = useStore(session);
  const [lang] = useLanguage();
  const [, survey] = useRoute<{ token: string }>('/rate/:token');
  const [, linked] = useRoute<{ link: string }>('/t/:link');
  const [onRequestPage] = useRoute('/request');
  useEffect(() => {
    document.documentElement.lang = lang;
  }, [lang]);
  // The request form needs no session. It is rendered outside the keyed provider, so a change of language keeps the
  // text.
  if (onRequestPage) return <RequestPage />;
  // A new user or language remounts everything below and reloads all data.
  return (
    <Provider value={client} key={`${lang} ${currentSession?.viewer.id ?? ''}`}>
      {survey ? (
        <SurveyPage token={survey.token} />
      ) : linked ? (
        <LinkPage link={linked.link} />
      ) : currentSession ? (
        <Shell viewer={currentSession.viewer}>
          <Switch>
            <Route path="/">
              <Board viewer={currentSession.viewer} />
            </Route>
            <Route path="/new">
              <NewTicket viewer={currentSession.viewer} />
            </Route>
            <Route path="/reports">
              <Reports />
            </Route>
            <Route path="/reports/heatmap">
              <HeatmapPage viewer={currentSession.viewer} />
            </Route>
            <Route path="/reports/health">
              <HealthReport viewer={currentSession.viewer} />
            </Route>
            <Route path="/reports/divergence">
              <DivergencePage />
            </Route>
            <Route path="/panorama/:reference?">
              {({ reference }) => (isStaff(currentSession.viewer) ? <PanoramaPage key={reference ?? ''} reference={reference === undefined ? null : decodeURIComponent(reference)} /> : <NotFound />)}
            </Route>
            <Route path="/knowledge">
              <Knowledge writes={isStaff(currentSession.viewer)} />
            </Route>
            <Route path="/knowledge/new">{isStaff(currentSession.viewer) ? <NewCard /> : <NotFound />}</Route>
            <Route path="/knowledge/:id">{({ id }) => <CardPage key={id} id={id} staff={canReadAgentProfiles(currentSession.viewer)} />}</Route>
            <Route path="/me">
              <ProfilePage viewer={currentSession.viewer} />
            </Route>
            <Route path="/settings">{isLead(currentSession.viewer) ? <Settings viewer={currentSession.viewer} /> : <NotFound />}</Route>
            <Route path="/tickets/:number">
              {({ number }) => (/^\d{1,9}$/.test(number) ? <TicketPage key={number} number={Number(number)} viewer={currentSession.viewer} /> : <NotFound />)}
            </Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Shell>
      ) : (
        <SignIn />
      )}
    </Provider>
  );
}
