//! What a scope and a filter mean in SQL. The same decisions in memory stand in `decide::rights` and `decide::board`;
//! a test ties them together.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SimpleExpr};
use sea_orm::{ColumnTrait, Condition};
use uuid::Uuid;

use super::entities::{participant, ticket};
use crate::tickets::decide::rights::{Grant, Scope};
use crate::tickets::model::{Filter, IdIs};

fn never() -> SimpleExpr {
    Expr::val(1).eq(0)
}

pub(crate) fn scope(scope: &Scope) -> Condition {
    let Some(grants) = scope.grants() else { return Condition::all() };
    let mut teams = Vec::new();
    let mut assignees = Vec::new();
    let mut any = Condition::any();
    for grant in grants {
        any = match grant {
            Grant::Team(team) => {
                teams.push(*team);
                any
            }
            Grant::Assignee(user) => {
                assignees.push(*user);
                any
            }
            Grant::NoTeam => any.add(ticket::Column::TeamId.is_null()),
            Grant::Requester(user) => any.add(ticket::Column::RequesterId.eq(*user)),
            Grant::Customer(customer) => any.add(ticket::Column::CustomerId.eq(*customer)),
            Grant::Product(product) => any.add(ticket::Column::Product.eq(product)),
            Grant::Participant(user) => {
                let mut theirs = Query::select();
                theirs
                    .column(participant::Column::TicketId)
                    .from(participant::Entity)
                    .and_where(participant::Column::UserId.eq(*user));
                any.add(ticket::Column::Id.in_subquery(theirs))
            }
        };
    }
    if !teams.is_empty() {
        any = any.add(ticket::Column::TeamId.is_in(teams));
    }
    if !assignees.is_empty() {
        any = any.add(ticket::Column::AssigneeId.is_in(assignees));
    }
    // An empty "any" would be true.
    if any.is_empty() { any.add(never()) } else { any }
}

/// `texts`: for every text of the filter, the tickets that the index found for it.
pub(crate) fn filter(filter: &Filter, as_requester: bool, texts: &HashMap<String, Vec<Uuid>>) -> Condition {
    let Filter { and, or, status, priority, assignee, team, customer, created_at, updated_at, text } = filter;
    let mut all = Condition::all();
    for part in and {
        all = all.add(self::filter(part, as_requester, texts));
    }
    if !or.is_empty() {
        let any = or.iter().fold(Condition::any(), |any, part| any.add(self::filter(part, as_requester, texts)));
        all = all.add(any);
    }
    if let Some(is) = status {
        if let Some(one_of) = &is.one_of {
            all = all.add(ticket::Column::Status.is_in(one_of.iter().map(|status| status.word())));
        }
        if !is.none_of.is_empty() {
            all = all.add(ticket::Column::Status.is_not_in(is.none_of.iter().map(|status| status.word())));
        }
    }
    if let Some(one_of) = priority.as_ref().and_then(|is| is.one_of.as_ref()) {
        all = all.add(ticket::Column::Priority.is_in(one_of.iter().map(|priority| priority.rank())));
    }
    for (column, is) in
        [(ticket::Column::AssigneeId, assignee), (ticket::Column::TeamId, team), (ticket::Column::CustomerId, customer)]
    {
        let Some(IdIs { one_of, is_null }) = is else { continue };
        if let Some(ids) = one_of {
            all = all.add(column.is_in(ids.iter().copied()));
        }
        match is_null {
            Some(true) => all = all.add(column.is_null()),
            Some(false) => all = all.add(column.is_not_null()),
            None => {}
        }
    }
    let updated = if as_requester { ticket::Column::PublicUpdatedAt } else { ticket::Column::UpdatedAt };
    for (column, between) in [(ticket::Column::CreatedAt, created_at), (updated, updated_at)] {
        let Some(between) = between else { continue };
        if let Some(from) = between.from {
            all = all.add(column.gte(from));
        }
        if let Some(before) = between.before {
            all = all.add(column.lt(before));
        }
    }
    if let Some(text) = text {
        let found = texts.get(text).cloned().unwrap_or_default();
        all = all.add(ticket::Column::Id.is_in(found));
    }
    all
}
