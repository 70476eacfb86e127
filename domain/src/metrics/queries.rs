//! Figures for somebody, by what they may see.

use std::sync::Arc;

use jiff::tz::TimeZone;
use sea_orm::Condition;

use super::decide::{self, Group, Sight};
use super::model::{Columns, Dimension, Gap, Heatmap, Key, Metric, Outcome, Proposal, Selection, Settings, Split};
use super::react::{Held, LOAD_BATCH};
use super::store;
use crate::calendar::model::Saved;
use crate::kernel::page::Part;
use crate::kernel::{Actor, Connection, Error, Page, Result, Role, TeamId, TicketId, Timestamp, UserId};
use crate::people::model::{Agent, Duty};
use crate::runtime::{App, Ctx};
use crate::tickets::decide::rights::Scope;
use crate::tickets::store::select;
use crate::{calendar, people};

/// Whether somebody is shown figures: those on the responsible side, and product managers.
pub fn may_see(actor: &Actor) -> bool {
    *actor == Actor::System || actor.is_staff() || actor.is(Role::ProductManager)
}

fn check(cx: &Ctx, selection: &Selection) -> Result<()> {
    if cx.actor == Actor::Anonymous {
        return Err(Error::unauthenticated());
    }
    if !may_see(&cx.actor) {
        return Err(Error::forbidden());
    }
    if selection.period.from >= selection.period.to {
        return Err(Error::bad_input(
            "period.to must lie behind period.from: a period is half open.",
            "period.to 必须晚于 period.from（时间段左闭右开）。",
        ));
    }
    Ok(())
}

/// The figures of a selection, group by group.
pub async fn figures(cx: &Ctx, selection: &Selection, split: Split) -> Result<Vec<Group>> {
    let (now, settings) = (cx.now(), cx.app.state::<Settings>().clone());
    let fixed = store::fixed(cx.read(), now).await?;
    let period = selection.period;
    over(cx, selection, move |columns, sight| decide::figures(columns, sight, period, &split, &fixed, now, &settings))
        .await
}

/// The tickets behind a figure, newest first.
pub async fn behind(
    cx: &Ctx,
    selection: &Selection,
    metric: Metric,
    outcome: Outcome,
    page: &Page,
) -> Result<Connection<TicketId>> {
    let found = all_behind(cx, selection, metric, outcome).await?;
    let list = format!("metrics:{metric:?}:{outcome:?}");
    let cut = page.cut_descending(&list, found, |(created_at, ticket)| {
        vec![Part::Int(created_at.millis()), Part::Id(ticket.0)]
    })?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// The same, all at once: when each was created, and which it is.
pub async fn all_behind(
    cx: &Ctx,
    selection: &Selection,
    metric: Metric,
    outcome: Outcome,
) -> Result<Vec<(Timestamp, TicketId)>> {
    let (now, settings) = (cx.now(), cx.app.state::<Settings>().clone());
    let fixed = store::fixed(cx.read(), now).await?;
    let period = selection.period;
    over(cx, selection, move |columns, sight| {
        decide::behind(columns, sight, period, (metric, outcome), &fixed, now, &settings)
    })
    .await
}

/// The heat-map of a selection, or of each agent or team of it.
pub async fn heatmaps(cx: &Ctx, selection: &Selection, by: Option<Dimension>) -> Result<Vec<Heatmap>> {
    let (now, settings, period) = (cx.now(), cx.app.state::<Settings>().clone(), selection.period);
    over(cx, selection, move |columns, sight| decide::heatmaps(columns, sight, period, by, now, &settings)).await
}

/// Whose gap it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    All,
    Team(TeamId),
    Agent(UserId),
}

impl Of {
    /// Of a heat-map by this dimension; tickets that have no value of it are nobody's in particular.
    pub fn key(by: Option<Dimension>, key: &Key) -> Self {
        match (by, key) {
            (Some(Dimension::Agent), Key::Id(id)) => Self::Agent(UserId(*id)),
            (Some(Dimension::Team), Key::Id(id)) => Self::Team(TeamId(*id)),
            _ => Self::All,
        }
    }
}

/// Knows what would close a gap: who answers when, and who is on duty.
pub struct Advisor {
    pub by_agent: Vec<Heatmap>,
    duty: Arc<Duty>,
    calendars: Arc<Vec<Arc<Saved>>>,
    zone: TimeZone,
    until: Timestamp,
    /// Whose people the viewer sees; `None`: everybody's.
    teams: Option<Vec<TeamId>>,
}

impl Advisor {
    /// Of tickets of this selection, whoever has them.
    pub async fn of(cx: &Ctx, selection: &Selection) -> Result<Self> {
        Ok(Self {
            by_agent: heatmaps(cx, selection, Some(Dimension::Agent)).await?,
            duty: people::queries::duty::duty(&cx.app).await?,
            calendars: calendar::queries::current(&cx.app).await?,
            zone: cx.app.state::<Settings>().zone.clone(),
            until: selection.period.to.min(cx.now()),
            teams: match &cx.actor {
                Actor::Person(person) if !person.is(Role::Admin) && !person.is(Role::ProductManager) => {
                    Some(person.teams.iter().chain(&person.supervised_teams).copied().collect())
                }
                _ => None,
            },
        })
    }

    /// For a gap of an agent, of a team, or of all. Of an agent who has left nobody is on duty.
    pub fn advise(&self, gap: &Gap, of: &Of) -> Proposal {
        let agent = if let Of::Agent(id) = of { self.duty.agent(*id) } else { None };
        let shares_a_team = |person: &Agent| {
            person.is(Role::Agent)
                && match of {
                    Of::Agent(_) => {
                        agent.is_some_and(|agent| person.teams.iter().any(|team| agent.teams.contains(team)))
                    }
                    Of::Team(team) => person.teams.contains(team),
                    Of::All => match &self.teams {
                        Some(teams) => person.teams.iter().any(|team| teams.contains(team)),
                        None => true,
                    },
                }
        };
        let stand_in = self.by_agent.iter().filter_map(|map| {
            let Key::Id(id) = map.key else { return None };
            let colleague = self.duty.agent(UserId(id)).filter(|colleague| shares_a_team(colleague))?;
            let answered_in_time = map.answered_in_time(gap);
            (Some(colleague.id) != agent.map(|agent| agent.id) && answered_in_time > 0)
                .then_some((answered_in_time, std::cmp::Reverse(colleague.id)))
        });
        if let Some((answered_in_time, std::cmp::Reverse(to))) = stand_in.max().filter(|_| agent.is_some()) {
            return Proposal::Delegate { to, answered_in_time };
        }
        // In every half-hour of the gap, in the last week of the period.
        let instants = decide::instants(gap, self.until, &self.zone);
        let works = |person: &&Agent| {
            let hours =
                person.calendar.as_ref().and_then(|key| self.calendars.iter().find(|saved| saved.of.key == *key));
            hours.is_none_or(|saved| instants.iter().all(|at| saved.calendar.is_open(*at)))
        };
        let concerned = |person: &&Agent| match of {
            Of::Agent(id) => person.id == *id,
            Of::Team(_) | Of::All => shares_a_team(person),
        };
        Proposal::Shift { on_duty: self.duty.agents.iter().filter(concerned).filter(works).count() }
    }
}

/// Looks at this node's columns, or, until they are loaded, at the rows that SQL selects.
async fn over<T: Send + 'static>(
    cx: &Ctx,
    selection: &Selection,
    look: impl FnOnce(&Columns, &Sight<'_>) -> T + Send + 'static,
) -> Result<T> {
    check(cx, selection)?;
    let scope = Scope::of(&cx.actor);
    let participating = match (scope.grants(), cx.actor.user_id()) {
        (Some(_), Some(user)) => store::participating(cx.read(), user).await?,
        _ => Vec::new(),
    };
    let selected = if cx.app.state::<Held>().is_ready() { None } else { Some(select(cx, &scope, selection).await?) };
    let (app, selection): (Arc<App>, Selection) = (cx.app.clone(), selection.clone());
    // A pass over a million tickets keeps a thread busy for a while.
    let looking = tokio::task::spawn_blocking(move || {
        let look = |columns: &Columns| look(columns, &Sight::of(columns, &scope, &participating, &selection));
        match &selected {
            Some(columns) => look(columns),
            None => app.state::<Held>().look(look),
        }
    });
    looking.await.map_err(Error::internal)
}

async fn select(cx: &Ctx, scope: &Scope, selection: &Selection) -> Result<Columns> {
    let of = Condition::all().add(select::scope(scope)).add(store::anchored(selection.period));
    let mut columns = Columns::default();
    let mut after = None;
    loop {
        let facts = store::facts_after(cx.read(), &of, after, LOAD_BATCH).await?;
        let Some(last) = facts.last() else { return Ok(columns) };
        after = Some(last.ticket);
        facts.into_iter().for_each(|fact| columns.put(fact));
    }
}
