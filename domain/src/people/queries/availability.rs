//! Reads of agents, absences and delegations.

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::calendar::model::Organisation;
use crate::kernel::{Result, Role, TeamId, Timestamp, UserId, boxed};
use crate::people::model::{Absence, Agent, Availability, Delegation, SkillLevel, UserCache};
use crate::people::store::availability::{absence, delegation};
use crate::people::store::{roles_from_column, user, user_skill, user_team};
use crate::runtime::{App, Executor};

/// Staff of one installation; far beyond the measured load of dispatch.
const STAFF_MAX: u64 = 20_000;
/// Absences and delegations that are read, newest first.
const SCHEDULE_ROWS_MAX: u64 = 50_000;

/// All staff with their delegations, from the cache.
#[boxed]
pub async fn current(app: &App) -> Result<Arc<Availability>> {
    let load = async |_| {
        let conn = app.db.read();
        let availability =
            Availability { agents: agents(conn, None).await?, delegations: delegations(conn, app.now()).await? };
        Ok(vec![((), Arc::new(availability))])
    };
    let mut found = app.state::<UserCache>().availability.get_or_load(vec![()], load).await?;
    Ok(found.remove(&()).unwrap_or_default())
}

/// Who acts for a person now: themselves; their delegate; or, if they are absent or have left without one, whoever leads them.
/// Every responsibility, and every message that asks somebody to act, goes to these.
#[boxed]
pub async fn acts_for(app: &App, user: UserId, now: Timestamp) -> Result<Vec<UserId>> {
    let availability = current(app).await?;
    let zone = &app.state::<Organisation>().zone;
    let (supervisor, team) = match availability.agent(user) {
        Some(agent) => (agent.supervisor, agent.teams.first().copied()),
        // Disabled, or no staff.
        None => match super::cached_users(app, vec![user]).await?.remove(&user) {
            Some(found) if found.disabled_at.is_none() => return Ok(vec![user]),
            Some(found) => (found.supervisor, found.teams.first().copied()),
            None => (None, None),
        },
    };
    Ok(availability.stands_in(user, supervisor, team, now, zone))
}

/// Enabled staff sorted by id; `only`: restricted to these users.
#[boxed]
pub async fn agents(conn: &Executor, only: Option<Vec<UserId>>) -> Result<Vec<Agent>> {
    let staff = [Role::Agent, Role::Supervisor, Role::Admin]
        .iter()
        .fold(Condition::any(), |any, role| any.add(user::Column::Roles.contains(role.as_str())));
    let mut select = user::Entity::find().filter(user::Column::DisabledAt.is_null()).filter(staff);
    if let Some(ids) = &only {
        select = select.filter(user::Column::Id.is_in(ids.iter().copied()));
    }
    let rows = select.order_by_asc(user::Column::Id).limit(STAFF_MAX).all(conn).await?;
    let staff = sea_orm::sea_query::Query::select()
        .column(user::Column::Id)
        .from(user::Entity)
        .and_where(user::Column::DisabledAt.is_null())
        .to_owned();
    let mut teams: HashMap<UserId, Vec<TeamId>> = HashMap::new();
    let mut of_teams = user_team::Entity::find().filter(user_team::Column::UserId.in_subquery(staff.clone()));
    let mut of_skills = user_skill::Entity::find().filter(user_skill::Column::UserId.in_subquery(staff));
    if let Some(ids) = &only {
        of_teams = of_teams.filter(user_team::Column::UserId.is_in(ids.iter().copied()));
        of_skills = of_skills.filter(user_skill::Column::UserId.is_in(ids.iter().copied()));
    }
    for row in of_teams.order_by_asc(user_team::Column::Position).all(conn).await? {
        teams.entry(row.user_id).or_default().push(row.team_id);
    }
    let mut skills: HashMap<UserId, Vec<SkillLevel>> = HashMap::new();
    for row in of_skills.order_by_asc(user_skill::Column::Skill).all(conn).await? {
        skills.entry(row.user_id).or_default().push(SkillLevel { skill: row.skill, level: row.level });
    }
    let mut absences: HashMap<UserId, Vec<Absence>> = HashMap::new();
    for absence in absences_of(conn, only.as_deref()).await? {
        absences.entry(absence.user).or_default().push(absence);
    }
    let agent = |row: user::Model| {
        let id = row.id;
        Agent {
            id,
            name: row.name,
            email: row.email,
            roles: roles_from_column(&row.roles),
            teams: teams.remove(&id).unwrap_or_default(),
            skills: skills.remove(&id).unwrap_or_default(),
            supervisor: row.supervisor_id,
            capacity: row.capacity,
            calendar: row.calendar_key,
            absences: absences.remove(&id).unwrap_or_default(),
        }
    };
    Ok(rows.into_iter().map(agent).collect())
}

async fn absences_of(conn: &Executor, only: Option<&[UserId]>) -> Result<Vec<Absence>> {
    let mut select = absence::Entity::find().order_by_desc(absence::Column::FromAt).limit(SCHEDULE_ROWS_MAX);
    if let Some(ids) = only {
        select = select.filter(absence::Column::UserId.is_in(ids.iter().copied()));
    }
    Ok(select.all(conn).await?.into_iter().map(Into::into).collect())
}

/// A user's absences, newest first.
#[boxed]
pub async fn absences(conn: &Executor, user: UserId, max: u64) -> Result<Vec<Absence>> {
    let rows = absence::Entity::find()
        .filter(absence::Column::UserId.eq(user))
        .order_by_desc(absence::Column::FromAt)
        .limit(max)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}

/// Current and future delegations, newest first: the newest one in force takes precedence.
#[boxed]
pub async fn delegations(conn: &Executor, now: Timestamp) -> Result<Vec<Delegation>> {
    let rows = delegation::Entity::find()
        .filter(delegation::Column::EndsAt.gt(now))
        .order_by_desc(delegation::Column::Id)
        .limit(SCHEDULE_ROWS_MAX)
        .all(conn)
        .await?;
    Ok(rows.into_iter().map(Into::into).collect())
}
