//! Scopes and filters as SQL. `decide::rights` and `decide::board` are the same in memory; a test compares them.

use std::collections::HashMap;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query, SelectStatement, SimpleExpr, UnionType};
use sea_orm::{ColumnTrait, Condition, EntityTrait as _, Order, QuerySelect, Select};
use uuid::Uuid;

use super::entities::{participant, ticket};
use crate::tickets::decide::rights::{Grant, Scope};
use crate::tickets::model::{Filter, IdIs};

fn always_false() -> SimpleExpr {
    Expr::val(1).eq(0)
}

/// The tickets of one grant.
fn grant_condition(grant: &Grant) -> SimpleExpr {
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
    // An empty `any` matches everything.
    let any = Condition::any().add_option(grants.is_empty().then(always_false));
    grants.iter().fold(any, |any, grant| any.add(grant_condition(grant)))
}

/// Grants that are queried separately; with more, one condition covers all of them.
const BRANCHES_MAX: usize = 64;

/// The first rows of a list within scope. With `split_by_grant` each grant is a branch of a UNION ALL that reads its
/// first rows in index order; an OR over grants would make the database collect and sort all tickets of every grant.
pub(crate) fn scoped_page(
    scope: &Scope,
    condition: Condition,
    order: &[(SimpleExpr, Order)],
    limit: u64,
    split_by_grant: bool,
) -> Select<ticket::Entity> {
    let ordered = |select: &mut SelectStatement| {
        for (expr, direction) in order {
            select.order_by_expr(expr.clone(), direction.clone());
        }
        select.limit(limit);
    };
    let branches = scope.grants().filter(|grants| split_by_grant && (2..=BRANCHES_MAX).contains(&grants.len()));
    let mut all = ticket::Entity::find();
    let Some(branches) = branches else {
        let query = QuerySelect::query(&mut all);
        query.cond_where(condition.add(self::scope(scope)));
        ordered(query);
        return all;
    };
    let mut union: Option<SelectStatement> = None;
    for grant in branches {
        let mut branch = Query::select();
        branch
            .column(ticket::Column::Id)
            .from(ticket::Entity)
            .cond_where(condition.clone())
            .and_where(grant_condition(grant));
        ordered(&mut branch);
        let mut wrapped = Query::select();
        wrapped.column(ticket::Column::Id).from_subquery(branch, "arm");
        match &mut union {
            Some(union) => {
                union.union(UnionType::All, wrapped);
            }
            None => union = Some(wrapped),
        }
    }
    let query = QuerySelect::query(&mut all);
    query.and_where(ticket::Column::Id.in_subquery(union.unwrap_or_default()));
    ordered(query);
    all
}

/// `texts`: the hits of the index for every text of the filter.
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
            all = all.add(ticket::Column::Status.is_in(one_of.iter().map(|status| status.as_str())));
        }
        if !is.none_of.is_empty() {
            all = all.add(ticket::Column::Status.is_not_in(is.none_of.iter().map(|status| status.as_str())));
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
