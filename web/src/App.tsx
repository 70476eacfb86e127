import { useEffect } from 'react';
import { Provider } from 'urql';
import { Route, Switch, useRoute } from 'wouter';
import { client } from './api/client';
import { isColleague, isStaff, leads } from './api/roles';
import { session } from './api/session';
import { Board } from './board/Board';
import { useLanguage } from './i18n';
import { useStore } from './lib/store';
import { CardPage } from './knowledge/CardPage';
import { Knowledge } from './knowledge/Knowledge';
import { Me } from './me/Me';
import { NewTicket } from './new/NewTicket';
import { DivergencePage } from './panorama/DivergencePage';
import { PanoramaPage } from './panorama/PanoramaPage';
import { Rate } from './rate/Rate';
import { Health } from './reports/Health';
import { HeatmapPage } from './reports/HeatmapPage';
import { Reports } from './reports/Reports';
import { Request } from './request/Request';
import { Settings } from './settings/Settings';
import { Nowhere } from './shell/Nowhere';
import { Shell } from './shell/Shell';
import { SignIn } from './shell/SignIn';
import { TicketPage } from './ticket/TicketPage';

export function App() {
  const held = useStore(session);
  const [lang] = useLanguage();
  const [, survey] = useRoute<{ token: string }>('/rate/:token');
  const [asks] = useRoute('/request');
  useEffect(() => {
    document.documentElement.lang = lang;
  }, [lang]);
  // Needs no session, and loses no word when the language changes.
  if (asks) return <Request />;
  // Another person or another language: everything is loaded anew.
  return (
    <Provider value={client} key={`${lang} ${held?.viewer.id ?? ''}`}>
      {survey ? (
        <Rate token={survey.token} />
      ) : held ? (
        <Shell viewer={held.viewer}>
          <Switch>
            <Route path="/">
              <Board viewer={held.viewer} />
            </Route>
            <Route path="/new">
              <NewTicket viewer={held.viewer} />
            </Route>
            <Route path="/reports">
              <Reports />
            </Route>
            <Route path="/reports/heatmap">
              <HeatmapPage viewer={held.viewer} />
            </Route>
            <Route path="/reports/health">
              <Health viewer={held.viewer} />
            </Route>
            <Route path="/reports/divergence">
              <DivergencePage />
            </Route>
            <Route path="/panorama/:reference?">
              {({ reference }) => (isStaff(held.viewer) ? <PanoramaPage key={reference ?? ''} reference={reference === undefined ? null : decodeURIComponent(reference)} /> : <Nowhere />)}
            </Route>
            <Route path="/knowledge">
              <Knowledge />
            </Route>
            <Route path="/knowledge/:id">{({ id }) => <CardPage key={id} id={id} staff={isColleague(held.viewer)} />}</Route>
            <Route path="/me">
              <Me viewer={held.viewer} />
            </Route>
            <Route path="/settings">{leads(held.viewer) ? <Settings viewer={held.viewer} /> : <Nowhere />}</Route>
            <Route path="/tickets/:number">
              {({ number }) => (/^\d{1,9}$/.test(number) ? <TicketPage key={number} number={Number(number)} viewer={held.viewer} /> : <Nowhere />)}
            </Route>
            <Route>
              <Nowhere />
            </Route>
          </Switch>
        </Shell>
      ) : (
        <SignIn />
      )}
    </Provider>
  );
}
