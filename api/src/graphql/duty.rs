//! What somebody can and takes, when they are away, who stands in for them.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::kernel::{Error, UserId};
use domain::people;
use domain::people::model as duty;

use super::error::{OrTopLevel as _, UserError, settle};
use super::metrics::Period;
use super::nodes::{UserNode, somebody};
use super::scalars::DateTime;
use super::sla::staff;
use super::{Caller, inputs};

/// How well somebody knows a thing.
#[derive(SimpleObject, InputObject, Clone)]
#[graphql(input_name = "SkillLevelInput")]
pub struct SkillLevel {
    /// Key of the skill.
    skill: String,
    /// 1 (has begun) to 5 (teaches others).
    level: i32,
}

/// How somebody works: what dispatch goes by.
pub struct AgentProfile(duty::Agent);

#[Object]
impl AgentProfile {
    /// Who.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.id).await
    }

    /// What they can, and how well.
    async fn skill_levels(&self) -> Vec<SkillLevel> {
        let levels = self.0.skills.iter();
        levels.map(|known| SkillLevel { skill: known.skill.clone(), level: known.level }).collect()
    }

    /// Open work that they take: an open ticket weighs 4 (urgent), 3, 2 or 1 (low), and 1 while it waits.
    async fn capacity(&self) -> i32 {
        self.0.capacity
    }

    /// Key of the calendar by which they work; null: around the clock.
    async fn calendar_key(&self) -> Option<&str> {
        self.0.calendar.as_deref()
    }

    /// When they are, were or will be away.
    async fn absences(&self) -> Vec<Absence> {
        self.0.absences.iter().map(Absence::of).collect()
    }
}

/// Somebody is away.
#[derive(SimpleObject)]
pub struct Absence {
    /// Unique among all things.
    id: ID,
    /// From here.
    from: DateTime,
    /// Until here; null: until it is ended.
    until: Option<DateTime>,
    /// Why, for colleagues.
    note: Option<String>,
}

impl Absence {
    fn of(absence: &duty::Absence) -> Self {
        let duty::Absence { id, user: _, from, until, note } = absence;
        Self { id: id.to_string().into(), from: (*from).into(), until: until.map(Into::into), note: note.clone() }
    }
}

/// 临时代理岗: somebody stands in for somebody.
pub struct DelegationNode(duty::Delegation);

#[Object(name = "Delegation")]
impl DelegationNode {
    /// Unique among all things.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// Whose place it is.
    #[graphql(name = "fromAgent")]
    async fn giver(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.from).await
    }

    /// Who takes it.
    #[graphql(name = "toAgent")]
    async fn taker(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        somebody(ctx, self.0.to).await
    }

    /// From here on.
    async fn begins_at(&self) -> DateTime {
        self.0.begins.into()
    }

    /// Until here.
    async fn ends_at(&self) -> DateTime {
        self.0.ends.into()
    }

    /// On these weekdays; 1 is Monday.
    async fn weekdays(&self) -> Vec<i32> {
        (1..).zip(self.0.weekdays).filter(|(_, on)| *on).map(|(day, _)| day).collect()
    }

    /// From this minute of the organisation's day.
    async fn from_minute(&self) -> i32 {
        i32::from(self.0.from_minute)
    }

    /// To this minute, up to 2880: past midnight.
    async fn to_minute(&self) -> i32 {
        i32::from(self.0.to_minute)
    }
}

/// What of somebody's way of working is to change; what is left out stays.
#[derive(InputObject)]
pub struct SaveAgentProfileInput {
    /// Who.
    user_id: ID,
    /// All skills, with their levels.
    skill_levels: Option<Vec<SkillLevel>>,
    /// Open work that they take.
    capacity: Option<i32>,
    /// Key of the calendar by which they work; empty: around the clock.
    calendar_key: Option<String>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// Somebody is away.
#[derive(InputObject)]
pub struct CreateAbsenceInput {
    /// Who; by default the caller.
    user_id: Option<ID>,
    /// From here; by default now.
    from: Option<DateTime>,
    /// Until here; by default until it is ended.
    until: Option<DateTime>,
    /// Why, for colleagues.
    note: Option<String>,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// Somebody is back.
#[derive(InputObject)]
pub struct EndAbsenceInput {
    /// The absence.
    absence_id: ID,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// Somebody stands in for somebody.
#[derive(InputObject)]
pub struct CreateDelegationInput {
    /// Whose place it is.
    from_agent_id: ID,
    /// Who takes it.
    to_agent_id: ID,
    /// In this period.
    period: Period,
    /// On these weekdays, 1 is Monday; none: every day.
    weekdays: Option<Vec<i32>>,
    /// From this minute of the organisation's day.
    from_minute: i32,
    /// To this minute, up to 2880: past midnight.
    to_minute: i32,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

/// Nobody stands in any more.
#[derive(InputObject)]
pub struct EndDelegationInput {
    /// The delegation.
    delegation_id: ID,
    /// The same key and input give the same answer for 24 h.
    idempotency_key: Option<String>,
}

macro_rules! payloads {
    ($($(#[$doc:meta])* $name:ident { $(#[$field_doc:meta])* $field:ident: $type:ty })*) => {$(
        $(#[$doc])*
        #[derive(SimpleObject)]
        pub struct $name {
            $(#[$field_doc])*
            $field: Option<$type>,
            /// Why nothing was changed; empty where it was.
            user_errors: Vec<UserError>,
        }
    )*};
}

payloads! {
    /// What saving a profile came to.
    SaveAgentProfilePayload {
        /// The profile as it is now.
        profile: AgentProfile
    }
    /// What noting an absence came to.
    CreateAbsencePayload {
        /// The absence's id.
        absence_id: ID
    }
    /// What ending an absence came to.
    EndAbsencePayload {
        /// The absence's id.
        absence_id: ID
    }
    /// What making a delegation came to.
    CreateDelegationPayload {
        /// The delegation.
        delegation: DelegationNode
    }
    /// What ending a delegation came to.
    EndDelegationPayload {
        /// The delegation's id.
        delegation_id: ID
    }
}

/// Queries of who works when.
#[derive(Default)]
pub struct DutyQuery;

#[Object]
impl DutyQuery {
    /// How everybody on the responsible side works; for staff.
    #[graphql(complexity = "100 * child_complexity")]
    async fn agent_profiles(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AgentProfile>> {
        staff(ctx)?;
        let duty = people::queries::duty::duty(&ctx.data_unchecked::<Caller>().cx.app).await.or_top_level(ctx)?;
        Ok(duty.agents.iter().cloned().map(AgentProfile).collect())
    }

    /// Who stands in for whom, now and later; for staff.
    #[graphql(complexity = "50 * child_complexity")]
    async fn delegations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DelegationNode>> {
        staff(ctx)?;
        let duty = people::queries::duty::duty(&ctx.data_unchecked::<Caller>().cx.app).await.or_top_level(ctx)?;
        Ok(duty.delegations.iter().cloned().map(DelegationNode).collect())
    }
}

/// Mutations of who works when.
#[derive(Default)]
pub struct DutyMutation;

#[Object]
impl DutyMutation {
    /// Says what somebody can, how much they take and when they work; for their supervisor and administrators.
    async fn save_agent_profile(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is to change.")] input: SaveAgentProfileInput,
    ) -> async_graphql::Result<SaveAgentProfilePayload> {
        let SaveAgentProfileInput { user_id, skill_levels, capacity, calendar_key, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            signed_in(ctx)?;
            let skills = skill_levels.map(|levels| {
                levels.into_iter().map(|SkillLevel { skill, level }| duty::SkillLevel { skill, level }).collect()
            });
            let command =
                duty::SaveAgentProfile { user: inputs::id("userId", &user_id)?, skills, capacity, calendar_key };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        let profile = match id {
            Some(id) => people::queries::duty::agents(cx.read(), Some(vec![id])).await.or_top_level(ctx)?.pop(),
            None => None,
        };
        Ok(SaveAgentProfilePayload { profile: profile.map(AgentProfile), user_errors })
    }

    /// Notes that somebody is away: they get no tickets, and what they have not accepted goes to others. For oneself, for
    /// supervisors and administrators.
    async fn create_absence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who, and when.")] input: CreateAbsenceInput,
    ) -> async_graphql::Result<CreateAbsencePayload> {
        let CreateAbsenceInput { user_id, from, until, note, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            let me = signed_in(ctx)?;
            let user = user_id.map(|id| inputs::id("userId", &id)).transpose()?.unwrap_or(me);
            let command = duty::CreateAbsence { user, from: from.map(|at| at.0), until: until.map(|at| at.0), note };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        Ok(CreateAbsencePayload { absence_id: id.map(|id| id.to_string().into()), user_errors })
    }

    /// Ends an absence: they are back.
    async fn end_absence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: EndAbsenceInput,
    ) -> async_graphql::Result<EndAbsencePayload> {
        let EndAbsenceInput { absence_id, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            signed_in(ctx)?;
            let command = duty::EndAbsence { absence: inputs::id("absenceId", &absence_id)? };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        Ok(EndAbsencePayload { absence_id: id.map(|id| id.to_string().into()), user_errors })
    }

    /// Has somebody stand in for somebody (临时代理岗): dispatch and escalation go by it.
    async fn create_delegation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Who for whom, and when.")] input: CreateDelegationInput,
    ) -> async_graphql::Result<CreateDelegationPayload> {
        let CreateDelegationInput {
            from_agent_id,
            to_agent_id,
            period,
            weekdays,
            from_minute,
            to_minute,
            idempotency_key,
        } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            signed_in(ctx)?;
            let (begins, ends) = period.ends();
            let command = duty::CreateDelegation {
                from: inputs::id("fromAgentId", &from_agent_id)?,
                to: inputs::id("toAgentId", &to_agent_id)?,
                begins,
                ends,
                weekdays: weekdays.unwrap_or_default(),
                from_minute,
                to_minute,
            };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        let delegations = people::queries::duty::delegations(cx.read(), cx.now()).await.or_top_level(ctx)?;
        let delegation = delegations.into_iter().find(|delegation| Some(delegation.id) == id);
        Ok(CreateDelegationPayload { delegation: delegation.map(DelegationNode), user_errors })
    }

    /// Ends a delegation.
    async fn end_delegation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which.")] input: EndDelegationInput,
    ) -> async_graphql::Result<EndDelegationPayload> {
        let EndDelegationInput { delegation_id, idempotency_key } = input;
        let cx = &ctx.data_unchecked::<Caller>().cx;
        let outcome = async {
            signed_in(ctx)?;
            let command = duty::EndDelegation { delegation: inputs::id("delegationId", &delegation_id)? };
            cx.execute(&command, idempotency_key.as_deref()).await
        };
        let (id, user_errors) = settle(ctx, outcome.await)?;
        Ok(EndDelegationPayload { delegation_id: id.map(|id| id.to_string().into()), user_errors })
    }
}

/// Whoever acts, before anything of the input is looked at.
pub fn signed_in(ctx: &Context<'_>) -> Result<UserId, Error> {
    ctx.data_unchecked::<Caller>().cx.actor.user_id().ok_or_else(Error::unauthenticated)
}
