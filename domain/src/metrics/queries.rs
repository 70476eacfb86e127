//! Metrics within what the viewer may see.

use std::sync::Arc;

use jiff::tz::TimeZone;
use sea_orm::Condition;

use super::decide::{self, Group, Visibility};
use super::model::{Columns, Dimension, Gap, Heatmap, Key, Metric, Outcome, Proposal, Selection, Settings, Split};
use super::react::{ColumnCache, LOAD_BATCH};
use super::store;
use crate::calendar::model::{CalendarVersion, Organisation};
use crate::kernel::page::Part;
use crate::kernel::{Actor, Connection, Error, Page, Result, Role, TeamId, TicketId, Timestamp, UserId, boxed};
use crate::msg;
use crate::people::model::{Agent, Availability};
use crate::runtime::{App, Ctx};
use crate::tickets::decide::rights::Scope;
use crate::tickets::store::select;
use crate::{calendar, people};

/// Whether the actor may see metrics: staff and product managers.
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
        return Err(Error::bad_input(msg!("metrics-period-invalid")));
    }
    Ok(())
}

/// The metrics of a selection, by group.
#[boxed]
pub async fn aggregates(cx: &Ctx, selection: &Selection, split: Split) -> Result<Vec<Group>> {
    let (now, settings) = (cx.now(), cx.app.state::<Settings>().clone());
    let fixed = store::released_fixes(cx.read(), now).await?;
    let period = selection.period;
    with_columns(cx, selection, move |columns, visibility| {
        decide::aggregate(columns, visibility, period, &split, &fixed, now, &settings)
    })
    .await
}

/// The tickets behind a number, newest first.
#[boxed]
pub async fn drill_down(
    cx: &Ctx,
    selection: &Selection,
    metric: Metric,
    outcome: Outcome,
    page: &Page,
) -> Result<Connection<TicketId>> {
    let found = drill_down_all(cx, selection, metric, outcome).await?;
    let list = format!("metrics:{metric:?}:{outcome:?}");
    let cut = page.paginate_descending(&list, found, |(created_at, ticket)| {
        vec![Part::Int(created_at.millis()), Part::Id(ticket.0)]
    })?;
    Ok(cut.map(|(_, ticket)| ticket))
}

/// The same without paging: creation time and ticket.
pub async fn drill_down_all(
    cx: &Ctx,
    selection: &Selection,
    metric: Metric,
    outcome: Outcome,
) -> Result<Vec<(Timestamp, TicketId)>> {
    let (now, settings) = (cx.now(), cx.app.state::<Settings>().clone());
    let fixed = store::released_fixes(cx.read(), now).await?;
    let period = selection.period;
    with_columns(cx, selection, move |columns, visibility| {
        decide::drill_down(columns, visibility, period, (metric, outcome), &fixed, now, &settings)
    })
    .await
}

/// The heat map of a selection, or of each agent or team in it.
#[boxed]
pub async fn heatmaps(cx: &Ctx, selection: &Selection, by: Option<Dimension>) -> Result<Vec<Heatmap>> {
    let (now, settings, period) = (cx.now(), cx.app.state::<Settings>().clone(), selection.period);
    let zone = cx.app.state::<Organisation>().zone.clone();
    with_columns(cx, selection, move |columns, visibility| {
        decide::heatmaps(columns, visibility, period, by, now, &settings, &zone)
    })
    .await
}

/// Whose gap it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapOwner {
    All,
    Team(TeamId),
    Agent(UserId),
}

impl GapOwner {
    /// The owner of a heat map by this dimension; tickets without a value belong to all.
    pub fn from_key(by: Option<Dimension>, key: &Key) -> Self {
        match (by, key) {
            (Some(Dimension::Agent), Key::Id(id)) => Self::Agent(UserId(*id)),
            (Some(Dimension::Team), Key::Id(id)) => Self::Team(TeamId(*id)),
            _ => Self::All,
        }
    }
}

/// Proposes how to close a gap, from who answers when and who is on duty.
pub struct Advisor {
    pub by_agent: Vec<Heatmap>,
    availability: Arc<Availability>,
    calendars: Arc<Vec<Arc<CalendarVersion>>>,
    zone: TimeZone,
    until: Timestamp,
    /// The teams whose people the viewer may see; `None`: all.
    teams: Option<Vec<TeamId>>,
}

impl Advisor {
    /// Loads what proposals need, for the tickets of this selection.
    #[boxed]
    pub async fn load(cx: &Ctx, selection: &Selection) -> Result<Self> {
        Ok(Self {
            by_agent: heatmaps(cx, selection, Some(Dimension::Agent)).await?,
            availability: people::queries::availability::current(&cx.app).await?,
            calendars: calendar::queries::current(&cx.app).await?,
            zone: cx.app.state::<Organisation>().zone.clone(),
            until: selection.period.to.min(cx.now()),
            teams: match &cx.actor {
                Actor::Person(person) if !person.is(Role::Admin) && !person.is(Role::ProductManager) => {
                    Some(person.teams.iter().chain(&person.supervised_teams).copied().collect())
                }
                _ => None,
            },
        })
    }

    /// A proposal for a gap. An agent who has left counts as nobody on duty.
    pub fn advise(&self, gap: &Gap, owner: &GapOwner) -> Proposal {
        let agent = if let GapOwner::Agent(id) = owner { self.availability.agent(*id) } else { None };
        let shares_a_team = |person: &Agent| {
            person.is(Role::Agent)
                && match owner {
                    GapOwner::Agent(_) => {
                        agent.is_some_and(|agent| person.teams.iter().any(|team| agent.teams.contains(team)))
                    }
                    GapOwner::Team(team) => person.teams.contains(team),
                    GapOwner::All => match &self.teams {
                        Some(teams) => person.teams.iter().any(|team| teams.contains(team)),
                        None => true,
                    },
                }
        };
        let delegates = self.by_agent.iter().filter_map(|map| {
            let Key::Id(id) = map.key else { return None };
            let colleague = self.availability.agent(UserId(id)).filter(|colleague| shares_a_team(colleague))?;
            let answered_in_time = map.answered_in_time(gap);
            (Some(colleague.id) != agent.map(|agent| agent.id) && answered_in_time > 0)
                .then_some((answered_in_time, std::cmp::Reverse(colleague.id)))
        });
        if let Some((answered_in_time, std::cmp::Reverse(to))) = delegates.max().filter(|_| agent.is_some()) {
            return Proposal::Delegate { to, answered_in_time };
        }
        // In every half-hour of the gap, in the last week of the period.
        let instants = decide::gap_instants(gap, self.until, &self.zone);
        let works = |person: &&Agent| {
            let hours =
                person.calendar.as_ref().and_then(|key| self.calendars.iter().find(|saved| saved.of.key == *key));
            hours.is_none_or(|saved| instants.iter().all(|at| saved.calendar.is_open(*at)))
        };
        let owns_gap = |person: &&Agent| match owner {
            GapOwner::Agent(id) => person.id == *id,
            GapOwner::Team(_) | GapOwner::All => shares_a_team(person),
        };
        Proposal::Shift { on_duty: self.availability.agents.iter().filter(owns_gap).filter(works).count() }
    }
}

/// Computes over this node's columns, or over rows selected by SQL until those are loaded.
async fn with_columns<T: Send + 'static>(
    cx: &Ctx,
    selection: &Selection,
    compute: impl FnOnce(&Columns, &Visibility<'_>) -> T + Send + 'static,
) -> Result<T> {
    check(cx, selection)?;
    let scope = Scope::of(&cx.actor);
    let participating = match (scope.grants(), cx.actor.user_id()) {
        (Some(_), Some(user)) => store::participating(cx.read(), user).await?,
        _ => Vec::new(),
    };
    let selected = if cx.app.state::<ColumnCache>().is_ready() {
        None
    } else {
        Some(select_columns(cx, &scope, selection).await?)
    };
    let (app, selection): (Arc<App>, Selection) = (cx.app.clone(), selection.clone());
    // A pass over a million tickets blocks a thread for a while.
    let computed = tokio::task::spawn_blocking(move || {
        let compute =
            |columns: &Columns| compute(columns, &Visibility::of(columns, &scope, &participating, &selection));
        match &selected {
            Some(columns) => compute(columns),
            None => app.state::<ColumnCache>().read(compute),
        }
    });
    computed.await.map_err(Error::internal)
}

async fn select_columns(cx: &Ctx, scope: &Scope, selection: &Selection) -> Result<Columns> {
    let of = Condition::all().add(select::scope(scope)).add(store::anchored_in(selection.period));
    let mut columns = Columns::default();
    let mut after = None;
    loop {
        let facts = store::facts_after(cx.read(), Some(&of), after, LOAD_BATCH).await?;
        let Some(last) = facts.last() else { return Ok(columns) };
        after = Some(last.ticket);
        facts.into_iter().for_each(|fact| columns.put(fact));
    }
}
