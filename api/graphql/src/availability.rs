//! Availability of agents: skills, capacity, working hours, absences and delegations.

use async_graphql::{Context, ID, MergedObject, Object, SimpleObject};
use domain::kernel::{DelegationId, UserId};
use domain::people;
use domain::people::model;

use super::error::OrTopLevel as _;
use super::execute::{execute, mutations, returned_id};
use super::guard::{cx, require_staff, signed_in};
use super::inputs;
use super::loaders::{Loaders, OpenWorkOf};
use super::metrics::Period;
use super::people::{UserNode, existing_user};
use super::scalars::DateTime;
use super::skills::SkillLevel;

/// The profile of an agent.
pub struct AgentProfile(model::Agent);

/// How an agent works, as used by dispatch: skills, capacity, working hours and absences.
#[Object]
impl AgentProfile {
    /// The agent.
    async fn user(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.id).await
    }

    /// Their skills, with levels.
    async fn skill_levels(&self) -> Vec<SkillLevel> {
        self.0.skills.iter().cloned().map(Into::into).collect()
    }

    /// How much open work they take, in points: an open ticket counts 4 (urgent), 3 (high), 2 (normal) or 1 (low), and 1 while it
    /// is waiting. 20 points are about ten normal tickets.
    async fn capacity(&self) -> i32 {
        self.0.capacity
    }

    /// Their open work now, in points like `capacity`.
    async fn open_work(&self, ctx: &Context<'_>) -> async_graphql::Result<i32> {
        let load = ctx.data_unchecked::<Loaders>().load(OpenWorkOf(self.0.id)).await.or_top_level(ctx)?;
        Ok(load.unwrap_or_default())
    }

    /// Key of the calendar with their working hours; null: around the clock.
    async fn calendar_key(&self) -> Option<&str> {
        self.0.calendar.as_deref()
    }

    /// Past, current and planned absences.
    async fn absences(&self) -> Vec<Absence> {
        self.0.absences.iter().map(Absence::of).collect()
    }
}

/// A period in which a person is away.
#[derive(SimpleObject)]
pub struct Absence {
    /// Globally unique id.
    id: ID,
    /// Start of the absence.
    from: DateTime,
    /// End of the absence; null while it has no end yet.
    until: Option<DateTime>,
    /// The reason, shown to colleagues.
    note: Option<String>,
}

impl Absence {
    fn of(absence: &model::Absence) -> Self {
        let model::Absence { id, user: _, from, until, note } = absence;
        Self { id: id.to_string().into(), from: (*from).into(), until: until.map(Into::into), note: note.clone() }
    }
}

/// A delegation (临时代理岗).
pub struct DelegationNode(model::Delegation);

/// A delegation (临时代理岗): one person acts for another during certain hours. Dispatch and escalation follow it.
#[Object(name = "Delegation")]
impl DelegationNode {
    /// Globally unique id.
    async fn id(&self) -> ID {
        self.0.id.to_string().into()
    }

    /// The person who is represented.
    #[graphql(name = "fromAgent")]
    async fn delegator(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.from).await
    }

    /// The delegate who acts for them.
    #[graphql(name = "toAgent")]
    async fn delegate(&self, ctx: &Context<'_>) -> async_graphql::Result<UserNode> {
        existing_user(ctx, self.0.to).await
    }

    /// Start of the delegation.
    async fn begins_at(&self) -> DateTime {
        self.0.begins.into()
    }

    /// End of the delegation.
    async fn ends_at(&self) -> DateTime {
        self.0.ends.into()
    }

    /// The weekdays on which it applies; 1 is Monday.
    async fn weekdays(&self) -> Vec<i32> {
        (1..).zip(self.0.weekdays).filter(|(_, on)| *on).map(|(day, _)| day).collect()
    }

    /// The first minute of the day, in the organisation's time zone.
    async fn from_minute(&self) -> i32 {
        i32::from(self.0.from_minute)
    }

    /// The end minute (exclusive); up to 2880, where more than 1440 means past midnight.
    async fn to_minute(&self) -> i32 {
        i32::from(self.0.to_minute)
    }
}

mutations! {
    /// A period in which a person is away.
    CreateAbsenceInput {
        /// The person; by default the caller.
        user_id: Option<ID>,
        /// Start; by default now.
        from: Option<DateTime>,
        /// End; by default open until it is ended.
        until: Option<DateTime>,
        /// The reason, shown to colleagues.
        note: Option<String>,
    } => CreateAbsencePayload {
        /// The id of the absence.
        absence_id: Option<ID>,
    }
}

/// Queries of availability.
#[derive(Default)]
pub struct AvailabilityQuery;

#[Object]
impl AvailabilityQuery {
    /// The profiles of everyone on the responsible side; for staff.
    #[graphql(complexity = "100 * child_complexity")]
    async fn agent_profiles(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AgentProfile>> {
        require_staff(ctx).or_top_level(ctx)?;
        let availability = people::queries::availability::current(&cx(ctx).app).await.or_top_level(ctx)?;
        Ok(availability.agents.iter().cloned().map(AgentProfile).collect())
    }

    /// Current and future delegations; for staff.
    #[graphql(complexity = "50 * child_complexity")]
    async fn delegations(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DelegationNode>> {
        require_staff(ctx).or_top_level(ctx)?;
        let availability = people::queries::availability::current(&cx(ctx).app).await.or_top_level(ctx)?;
        Ok(availability.delegations.iter().cloned().map(DelegationNode).collect())
    }
}

/// Mutations of availability.
#[derive(MergedObject, Default)]
pub struct AvailabilityMutation(AgentMutation, AbsenceMutation);

/// The start of an absence.
#[derive(Default)]
pub struct AbsenceMutation;

#[Object]
impl AbsenceMutation {
    /// Records an absence: the person is assigned no tickets, and their unaccepted tickets are reassigned. For oneself,
    /// for supervisors and for administrators.
    async fn create_absence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The absence.")] input: CreateAbsenceInput,
    ) -> async_graphql::Result<CreateAbsencePayload> {
        let CreateAbsenceInput { user_id, from, until, note, idempotency_key } = input;
        let (id, user_errors) = execute(ctx, idempotency_key, || {
            let me = signed_in(ctx)?;
            let user = inputs::optional_id("userId", user_id.as_ref())?.unwrap_or(me);
            Ok(model::CreateAbsence { user, from: from.map(|at| at.0), until: until.map(|at| at.0), note })
        })
        .await?;
        Ok(CreateAbsencePayload { absence_id: id.map(|id| id.to_string().into()), user_errors })
    }
}

mutations! {
    /// Mutations of profiles and delegations, and the end of an absence.
    pub struct AgentMutation;

    /// Saves a person's skills, capacity and working hours; for their supervisor and administrators.
    save_agent_profile("The changes.")
    /// Changes to an agent's profile; fields that are not given stay unchanged.
    SaveAgentProfileInput {
        /// The person.
        user_id: ID,
        /// All skills with their levels; replaces the existing ones.
        skill_levels: Option<Vec<SkillLevel>>,
        /// How much open work they take, in points: an open ticket counts 4 (urgent), 3 (high), 2 (normal) or 1 (low), and 1 while
        /// it is waiting. 20 points are about ten normal tickets; at most 1000.
        capacity: Option<i32>,
        /// Key of the calendar with their working hours; empty: around the clock.
        calendar_key: Option<String>,
    } => model::SaveAgentProfile {
        user: inputs::id("userId", &user_id)?,
        skills: skill_levels.map(|levels| levels.into_iter().map(Into::into).collect()),
        capacity,
        calendar_key,
    } => SaveAgentProfilePayload {
        /// The profile after the mutation; null if it was refused.
        profile: Option<AgentProfile> = profile,
    }

    /// Ends an absence.
    end_absence("The absence.")
    /// The absence to end.
    EndAbsenceInput {
        /// The absence.
        absence_id: ID,
    } => model::EndAbsence { absence: inputs::id("absenceId", &absence_id)? } => EndAbsencePayload {
        /// The id of the absence.
        absence_id: Option<ID> = returned_id,
    }

    /// Creates a delegation (临时代理岗): one person acts for another in dispatch and escalation. For the represented
    /// person, their supervisor and administrators.
    create_delegation("The delegation.")
    /// A delegation (临时代理岗): one person acts for another during certain hours.
    CreateDelegationInput {
        /// The person who is represented.
        from_agent_id: ID,
        /// The delegate who acts for them.
        to_agent_id: ID,
        /// The period in which it applies.
        period: Period,
        /// The weekdays on which it applies, 1 is Monday; none: every day.
        weekdays: Option<Vec<i32>>,
        /// The first minute of the day, in the organisation's time zone.
        from_minute: i32,
        /// The end minute (exclusive); up to 2880, where more than 1440 means past midnight.
        to_minute: i32,
    } => {
        let (begins, ends) = period.bounds();
        model::CreateDelegation {
            from: inputs::id("fromAgentId", &from_agent_id)?,
            to: inputs::id("toAgentId", &to_agent_id)?,
            begins,
            ends,
            weekdays: weekdays.unwrap_or_default(),
            from_minute,
            to_minute,
        }
    } => CreateDelegationPayload {
        /// The delegation; null if the mutation was refused.
        delegation: Option<DelegationNode> = delegation,
    }

    /// Ends a delegation.
    end_delegation("The delegation.")
    /// The delegation to end.
    EndDelegationInput {
        /// The delegation.
        delegation_id: ID,
    } => model::EndDelegation { delegation: inputs::id("delegationId", &delegation_id)? } => EndDelegationPayload {
        /// The id of the delegation.
        delegation_id: Option<ID> = returned_id,
    }
}

async fn profile(ctx: &Context<'_>, user: Option<UserId>) -> async_graphql::Result<Option<AgentProfile>> {
    let Some(user) = user else { return Ok(None) };
    let cx = cx(ctx);
    let mut agents = people::queries::availability::agents(cx.read(), Some(vec![user])).await.or_top_level(ctx)?;
    Ok(agents.pop().map(AgentProfile))
}

async fn delegation(ctx: &Context<'_>, id: Option<DelegationId>) -> async_graphql::Result<Option<DelegationNode>> {
    let cx = cx(ctx);
    let delegations = people::queries::availability::delegations(cx.read(), cx.now()).await.or_top_level(ctx)?;
    Ok(delegations.into_iter().find(|delegation| Some(delegation.id) == id).map(DelegationNode))
}
