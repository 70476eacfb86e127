//! What a scope and a filter mean in SQL. The same decisions in memory stand in `decide::rights` and `decide::board`;
//! a test ties them together.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{ColumnTrait, Condition, EntityTrait as _, Order, QuerySelect, Select};
use uuid::Uuid;

use super::entities::{participant, ticket};
use crate::tickets::decide::rights::{Grant, Scope};
use crate::tickets::model::{Filter, IdIs};

fn never() -> SimpleExpr {
    Expr::val(1).eq(0)
}

/// The tickets of one grant.
fn of_grant(grant: &Grant) -> SimpleExpr {
    match grant {
        Grant::Team(team) => ticket::Column::TeamId.eq(*team),
        Grant::NoTeam => ticket::Column::TeamId.is_null(),
        Grant::Assignee(user) => ticket::Column::AssigneeId.eq(*user),
        Grant::Requester(user) => ticket::Column::RequesterId.eq(*user),
        Grant::Customer(customer) => ticket::Column::CustomerId.eq(*customer),
        Grant::Product(product) => ticket::Column::Product.eq(product),
        Grant::Participant(user) => {
            let mut theirs = Query::select();
            theirs
                .column(participant::Column::TicketId)
                .from(participant::Entity)
                .and_where(participant::Column::UserId.eq(*user));
            ticket::Column::Id.in_subquery(theirs)
        }
    }
}

pub(crate) fn scope(scope: &Scope) -> Condition {
    let Some(grants) = scope.grants() else { return Condition::all() };
    // An empty "any" would be true.
    let any = Condition::any().add_option(grants.is_empty().then(never));
    grants.iter().fold(any, |any, grant| any.add(of_grant(grant)))
}

/// Grants that are looked up one by one.
const ARMS_MAX: usize = 64;

/// The first of a list within scope; `apart`: the condition is a short one, which may stand in every arm. An "or" over grants makes a database gather every ticket of each of them and sort
/// them all; so each grant gives its own first ones, which stand in order in an index, and of those the first are taken.
pub(crate) fn first_of(
    scope: &Scope,
    condition: Condition,
    order: &[(SimpleExpr, Order)],
    limit: u64,
    apart: bool,
) -> Select<ticket::Entity> {
    let ordered = |select: &mut SelectStatement| {
        for (expr, direction) in order {
            select.order_by_expr(expr.clone(), direction.clone());
        }
        select.limit(limit);
    };
    let arms = scope.grants().filter(|grants| apart && (2..=ARMS_MAX).contains(&grants.len()));
    let mut all = ticket::Entity::find();
    let Some(arms) = arms else {
        let query = QuerySelect::query(&mut all);
        query.cond_where(condition.add(self::scope(scope)));
        ordered(query);
        return all;
    };
    let mut united: Option<SelectStatement> = None;
    for grant in arms {
        let mut arm = Query::select();
        arm.column(ticket::Column::Id).from(ticket::Entity).cond_where(condition.clone()).and_where(of_grant(grant));
        ordered(&mut arm);
        let mut wrapped = Query::select();
        wrapped.column(ticket::Column::Id).from_subquery(arm, "arm");
        match &mut united {
            Some(united) => {
                united.union(UnionType::All, wrapped);
            }
            None => united = Some(wrapped),
        }
    }
    let query = QuerySelect::query(&mut all);
    query.and_where(ticket::Column::Id.in_subquery(united.unwrap_or_default()));
    ordered(query);
    all
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
