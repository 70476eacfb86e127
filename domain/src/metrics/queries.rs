//! Figures for somebody, by what they may see.

use std::sync::Arc;

use sea_orm::Condition;

use super::decide::{self, Group, Sight};
use super::model::{Columns, Metric, Outcome, Selection, Settings, Split};
use super::react::{Held, LOAD_BATCH};
use super::store;
use crate::kernel::page::Part;
use crate::kernel::{Actor, Connection, Error, Page, Result, Role, TicketId};
use crate::runtime::{App, Ctx};
use crate::tickets::decide::rights::Scope;
use crate::tickets::store::select;

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
    let (now, settings) = (cx.now(), cx.app.state::<Settings>().clone());
    let fixed = store::fixed(cx.read(), now).await?;
    let period = selection.period;
    let found = over(cx, selection, move |columns, sight| {
        decide::behind(columns, sight, period, (metric, outcome), &fixed, now, &settings)
    })
    .await?;
    let list = format!("metrics:{metric:?}:{outcome:?}");
    let cut = page.cut_descending(&list, found, |(created_at, ticket)| {
        vec![Part::Int(created_at.millis()), Part::Id(ticket.0)]
    })?;
    Ok(cut.map(|(_, ticket)| ticket))
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
