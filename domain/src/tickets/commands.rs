//! Writes of tickets: load → may → decide → save → record.

use super::decide::lifecycle::{self, Assignee, Changes, Decision};
use super::decide::{rights, token};
use super::model::{
    AcceptTicket, Access, Action, AddComment, AssignTicket, AttributeTicket, Attribution, AttributionGiven,
    CancelTicket, ChaseTicket, CloseTicket, Comment, CreateTicket, ExternalRef, Fact, FollowTicket, LinkExternalRef,
    OpenTicket, ParticipantReason, ReopenTicket, ResolveTicket, ResumeTicket, SetWaiting, Snapshot, Ticket,
    TicketEvent, TicketStatus, UpdateTicket, Visibility,
};
use super::{queries, store};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::event::Event;
use crate::kernel::text::{self, BODY_CHARS_MAX, KEY_CHARS_MAX, REASON_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Actor, Code, CommentId, Error, Refusal, Result, Role, TeamId, TicketId, UserId, refuse};
use crate::people;
use crate::runtime::command::version_conflict;
use crate::runtime::{Command, Tx};

/// Skills, references and mentions that one input may carry.
const KEYS_MAX: usize = 20;
/// Chances for a token that is not taken yet; 31^10 make a second one unlikely.
const TOKEN_ATTEMPTS: usize = 5;

// ---------------------------------------------------------------- loading and saving

/// The ticket that an input names, for changing it: NOT_FOUND where the actor does not see it, FORBIDDEN where they
/// see it only as a case, VERSION_CONFLICT where it is not the one they saw.
async fn load(tx: &Tx, id: TicketId, expected_version: Option<i32>) -> Result<Ticket> {
    let ticket = store::load(tx, id).await?.ok_or_else(|| rights::not_found("ticketId"))?;
    let participants = store::participants(tx.conn(), &[id]).await?.remove(&id).unwrap_or_default();
    match rights::access(tx.actor(), &ticket, &participants) {
        None => return Err(rights::not_found("ticketId").into()),
        Some(Access::Case) => {
            return Err(refuse(
                Code::Forbidden,
                "ticketId",
                "You may read this ticket as a case, but not change it.",
                "您可以将该工单作为案例查看，但不能修改。",
            )
            .into());
        }
        Some(Access::Full) => {}
    }
    if expected_version.is_some_and(|expected| expected != ticket.version) {
        return Err(version_conflict().into());
    }
    Ok(ticket)
}

/// Saves a decision and tells of it. `versioned`: the change counts as one that others must have seen.
async fn settle(tx: &mut Tx, before: &Ticket, decision: Decision, versioned: bool) -> Result<TicketId> {
    let Decision { next, facts, participants } = decision;
    let next = if versioned {
        store::save(tx, before.version, next).await?
    } else {
        store::save_beside(tx, &next).await?;
        next
    };
    for (user, reason) in participants {
        store::add_participant(tx.conn(), next.id, user, reason).await?;
    }
    // Of several facts the last is the one that moved the ticket.
    let last = facts.len().saturating_sub(1);
    for (i, fact) in facts.into_iter().enumerate() {
        if i == last {
            record(tx, &next, Some(before.snapshot()), fact).await?;
        } else {
            record(tx, before, None, fact).await?;
        }
    }
    Ok(next.id)
}

async fn record(tx: &mut Tx, ticket: &Ticket, before: Option<Snapshot>, fact: Fact) -> Result<()> {
    let after = ticket.snapshot();
    let before = before.filter(|before| *before != after);
    tx.record(Event::Ticket(TicketEvent { ticket: ticket.id, fact, before, after, history: None })).await
}

// ---------------------------------------------------------------- creating

impl Command for CreateTicket {
    const NAME: &'static str = "createTicket";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self {
            title,
            description,
            priority,
            issue_type,
            product,
            customer_key,
            requester_email,
            required_skills,
            external_refs,
        } = self;
        may_create(tx.actor())?;
        let title = text::line("title", title, TITLE_CHARS_MAX)?;
        let description = text::body("description", description, BODY_CHARS_MAX)?;
        bounded("requiredSkills", required_skills.len())?;
        bounded("externalRefs", external_refs.len())?;
        let (issue_type, queue) = issue_type_of(tx, issue_type.as_deref()).await?;
        let product = product_of(tx, product.as_deref()).await?;
        let required_skills = catalogue::check_keys(tx.conn(), Kind::Skill, "requiredSkills", required_skills).await?;
        let refs =
            external_refs.iter().map(|given| reference("externalRefs", given)).collect::<Result<Vec<_>, Refusal>>()?;
        let asking = asking_side(tx, requester_email.as_deref(), customer_key.as_deref()).await?;
        let id = TicketId(tx.new_uuid());
        let fact = Fact::Created { text_digest: lifecycle::text_digest(&format!("{title}\n{description}")) };
        let ticket = Ticket {
            id,
            number: next_numbers(tx, 1).await?[0],
            token: fresh_token(tx).await?,
            title,
            description,
            status: TicketStatus::New,
            priority: *priority,
            issue_type,
            product,
            required_skills,
            channel: tx.cx.channel.to_owned(),
            version: 1,
            requester: asking.requester,
            customer: asking.customer,
            assignee: None,
            team: queue.team,
            accepted: false,
            confidential: queue.confidential,
            imported: false,
            created_at: tx.now,
            updated_at: tx.now,
            public_updated_at: tx.now,
            first_opened_at: None,
            first_opened_by: None,
            first_responded_at: None,
            resolved_at: None,
            closed_at: None,
            reopen_count: 0,
            hand_over_count: 0,
            chase_count: 0,
            waiting_reason: None,
            cancel_reason: None,
            merged_into: None,
        };
        store::insert(tx.conn(), vec![ticket.clone()]).await?;
        link(tx, id, "externalRefs", &refs).await?;
        record(tx, &ticket, None, fact).await?;
        Ok(id)
    }
}

async fn next_numbers(tx: &Tx, count: usize) -> Result<Vec<i64>> {
    let numbers = store::next_numbers(tx.conn(), tx.app().db.engine, count).await?;
    if numbers.len() == count { Ok(numbers) } else { Err(Error::internal("the database gives no ticket numbers")) }
}

/// A ticket from another system, with its history; `ticket.number` and `ticket.token` are given here.
pub struct History {
    pub ticket: Ticket,
    pub reference: ExternalRef,
    pub attribution: Option<Attribution>,
    /// In order, each with its own instant.
    pub events: Vec<(TicketEvent, crate::kernel::Timestamp)>,
}

/// Writes tickets of other systems as they are: nothing reacts, nothing is sent, no clock starts. The one way past the
/// life-cycle; what is not closed comes with the attribution that it needs (see `import::decide`).
pub async fn insert_history(tx: &mut Tx, histories: Vec<History>) -> Result<()> {
    if histories.is_empty() {
        return Ok(());
    }
    let numbers = next_numbers(tx, histories.len()).await?;
    let (mut tickets, mut refs, mut attributions) = (Vec::new(), Vec::new(), Vec::new());
    for (History { mut ticket, reference, attribution, events }, number) in histories.into_iter().zip(numbers) {
        ticket.number = number;
        ticket.token = token::generate(&*tx.app().chance);
        refs.push((ticket.id, reference));
        attributions.extend(attribution);
        for (event, at) in events {
            tx.record_history(Event::Ticket(event), at);
        }
        tickets.push(ticket);
    }
    store::insert(tx.conn(), tickets).await?;
    store::insert_new_refs(tx.conn(), refs).await?;
    if !attributions.is_empty() {
        store::put_attributions(tx.conn(), attributions).await?;
    }
    Ok(())
}

/// Adds what a ticket's source has told since; nobody has touched the ticket here in between (`version`).
pub async fn extend_history(tx: &mut Tx, version: i32, history: History) -> Result<i32> {
    let History { ticket, reference: _, attribution, events } = history;
    let saved = store::save(tx, version, ticket).await?;
    for (event, at) in events {
        tx.record_history(Event::Ticket(event), at);
    }
    if let Some(attribution) = attribution {
        store::put_attributions(tx.conn(), vec![attribution]).await?;
    }
    Ok(saved.version)
}

fn may_create(actor: &Actor) -> Result<()> {
    match actor {
        Actor::System => Ok(()),
        Actor::Anonymous => Err(Error::unauthenticated()),
        Actor::Person(person) if person.is_staff() || person.is(Role::Requester) => Ok(()),
        Actor::Person(_) => Err(refuse(
            Code::Forbidden,
            "",
            "Requesters and staff create tickets; your role only reads.",
            "只有客户和服务人员可以创建工单，您的角色仅可查看。",
        )
        .into()),
    }
}

fn bounded(field: &str, count: usize) -> Result<(), Refusal> {
    if count <= KEYS_MAX {
        return Ok(());
    }
    Err(refuse(
        Code::LimitExceeded,
        field,
        format!("{field} has {count} entries; at most {KEYS_MAX} are allowed."),
        format!("{field} 共 {count} 项，最多允许 {KEYS_MAX} 项。"),
    ))
}

/// Where tickets of an issue type go.
#[derive(Default)]
struct Queue {
    team: Option<TeamId>,
    confidential: bool,
}

async fn issue_type_of(tx: &Tx, key: Option<&str>) -> Result<(Option<String>, Queue)> {
    let Some(key) = key else { return Ok((None, Queue::default())) };
    let entry = catalogue::require(tx.conn(), Kind::IssueType, "issueType", key).await?;
    let mut confidential = entry.confidential;
    if let Some(team) = entry.team {
        confidential |= catalogue::teams(tx.conn(), vec![team]).await?.iter().any(|team| team.confidential);
    }
    Ok((Some(entry.key), Queue { team: entry.team, confidential }))
}

async fn product_of(tx: &Tx, key: Option<&str>) -> Result<Option<String>> {
    match key {
        None => Ok(None),
        Some(key) => Ok(Some(catalogue::require(tx.conn(), Kind::Product, "product", key).await?.key)),
    }
}

struct Asking {
    requester: Option<UserId>,
    customer: Option<crate::kernel::CustomerId>,
}

/// Who asks. Staff may write a ticket for somebody else; a requester writes their own, for their organisation.
async fn asking_side(tx: &Tx, email: Option<&str>, customer_key: Option<&str>) -> Result<Asking> {
    let staff = tx.actor().is_staff() || *tx.actor() == Actor::System;
    let requester = match email {
        Some(email) => {
            let email = text::email("requesterEmail", email)?;
            let user = people::queries::user_by_email(tx.conn(), &email).await?;
            let user = user.filter(|user| staff || Some(user.id) == tx.actor().user_id());
            Some(user.ok_or_else(|| {
                refuse(
                    Code::UnknownKey,
                    "requesterEmail",
                    "Nobody with this e-mail address is known: create the user first, or leave it out.",
                    "没有使用该邮箱的用户，请先创建用户，或不填写此项。",
                )
            })?)
        }
        None => match tx.actor().user_id() {
            Some(id) => people::queries::user(tx.conn(), id).await?,
            None => None,
        },
    };
    let own = requester.as_ref().and_then(|user| user.customer);
    let customer = match customer_key {
        None => own,
        Some(key) => {
            let id = people::commands::customer_id(tx.conn(), "customerKey", key).await?;
            if !staff && own != Some(id) {
                return Err(catalogue::unknown_key("customerKey", key).into());
            }
            Some(id)
        }
    };
    Ok(Asking { requester: requester.map(|user| user.id), customer })
}

async fn fresh_token(tx: &Tx) -> Result<String> {
    for _ in 0..TOKEN_ATTEMPTS {
        let token = token::generate(&*tx.app().chance);
        if !queries::token_taken(tx.conn(), &token).await? {
            return Ok(token);
        }
    }
    Err(Error::internal("no free token was found"))
}

fn reference(field: &str, given: &ExternalRef) -> Result<ExternalRef, Refusal> {
    let system = text::line("system", &given.system, KEY_CHARS_MAX).map_err(|r| r.inside(field))?;
    let external_id = text::line("externalId", &given.external_id, 2 * KEY_CHARS_MAX).map_err(|r| r.inside(field))?;
    Ok(ExternalRef { system, external_id })
}

async fn link(tx: &Tx, id: TicketId, field: &str, refs: &[ExternalRef]) -> Result<()> {
    let Some((i, holder)) = store::insert_refs(tx.conn(), id, refs).await? else { return Ok(()) };
    if holder == id {
        return Ok(()); // linked already
    }
    let ExternalRef { system, external_id } = &refs[i];
    Err(refuse(
        Code::AlreadyExists,
        field,
        format!("{system} {external_id} belongs to another ticket already."),
        format!("{system} {external_id} 已关联到其他工单。"),
    )
    .into())
}

// ---------------------------------------------------------------- the life-cycle

impl Command for AssignTicket {
    const NAME: &'static str = "assignTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let user = people::queries::user(tx.conn(), self.assignee)
            .await?
            .ok_or_else(|| refuse(Code::NotFound, "assigneeId", "There is no such user.", "用户不存在。"))?;
        let to = Assignee {
            id: user.id,
            is_staff: user.is_staff(),
            is_enabled: user.disabled_at.is_none(),
            team: user.teams.first().copied(),
        };
        let decision = lifecycle::assign(&ticket, tx.actor(), tx.now, &to)?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for AcceptTicket {
    const NAME: &'static str = "acceptTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let team = tx.actor().person().and_then(|person| person.teams.first().copied());
        let decision = lifecycle::accept(&ticket, tx.actor(), tx.now, team)?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for SetWaiting {
    const NAME: &'static str = "setWaiting";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::set_waiting(&ticket, tx.actor(), tx.now, &self.reason)?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for ResumeTicket {
    const NAME: &'static str = "resumeTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::resume(&ticket, tx.actor(), tx.now)?;
        settle(tx, &ticket, decision, true).await
    }
}

/// The attribution of an input against the catalogue.
async fn check_attribution(tx: &Tx, given: &AttributionGiven) -> Result<AttributionGiven> {
    let complete = lifecycle::attribution(given)?;
    bounded("attribution.solutionTags", complete.solution_tags.len())?;
    let solution_tags =
        catalogue::check_keys(tx.conn(), Kind::SolutionTag, "attribution.solutionTags", &complete.solution_tags)
            .await?;
    if let Some(tag) = &complete.cause_tag {
        catalogue::require(tx.conn(), Kind::CauseTag, "attribution.causeTag", tag).await?;
    }
    Ok(AttributionGiven { solution_tags, ..complete })
}

async fn put_attribution(tx: &Tx, ticket: TicketId, given: AttributionGiven) -> Result<()> {
    let by = tx.actor().user_id().ok_or_else(|| {
        refuse(Code::Forbidden, "attribution", "Only people attribute tickets.", "只有人员可以填写归因。")
    })?;
    store::put_attributions(tx.conn(), vec![Attribution { ticket, given, by, at: tx.now }]).await
}

impl Command for ResolveTicket {
    const NAME: &'static str = "resolveTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::resolve(&ticket, tx.actor(), tx.now, &self.attribution)?;
        let given = check_attribution(tx, &self.attribution).await?;
        put_attribution(tx, ticket.id, given).await?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for AttributeTicket {
    const NAME: &'static str = "attributeTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::attribute(&ticket, tx.actor(), tx.now, &self.attribution)?;
        let given = check_attribution(tx, &self.attribution).await?;
        put_attribution(tx, ticket.id, given).await?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for CloseTicket {
    const NAME: &'static str = "closeTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::close(&ticket, tx.actor(), tx.now)?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for ReopenTicket {
    const NAME: &'static str = "reopenTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    /// The reason is a public comment: whoever resolved it reads it where they read the rest.
    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let comment = tx.actor().user_id().map(|author| (CommentId(tx.new_uuid()), author));
        let decision = lifecycle::reopen(&ticket, tx.actor(), tx.now, comment.map(|(id, _)| id))?;
        let body = text::body("reason", &self.reason, REASON_CHARS_MAX)?;
        if let Some((id, author)) = comment {
            let visibility = Visibility::Public;
            let comment = Comment { id, ticket: ticket.id, author, body, visibility, created_at: tx.now };
            store::insert_comment(tx.conn(), comment).await?;
        }
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for CancelTicket {
    const NAME: &'static str = "cancelTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, self.expected_version).await?;
        let decision = lifecycle::cancel(&ticket, tx.actor(), tx.now, &self.reason)?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for ChaseTicket {
    const NAME: &'static str = "chaseTicket";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, None).await?;
        let decision = lifecycle::chase(&ticket, tx.actor(), tx.now)?;
        settle(tx, &ticket, decision, true).await
    }
}

impl Command for OpenTicket {
    const NAME: &'static str = "openTicket";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, None).await?;
        let first = match tx.actor().user_id() {
            Some(user) if rights::responds(tx.actor(), &ticket) => store::note_open(tx, ticket.id, user).await?,
            _ => false,
        };
        match lifecycle::open(&ticket, tx.actor(), tx.now, !first)? {
            Some(decision) => settle(tx, &ticket, decision, false).await,
            None => Ok(ticket.id),
        }
    }
}

// ---------------------------------------------------------------- beside the life-cycle

impl Command for AddComment {
    const NAME: &'static str = "addComment";
    type Output = CommentId;

    async fn run(&self, tx: &mut Tx) -> Result<CommentId> {
        let Self { ticket, body, visibility, mentions } = self;
        let ticket = load(tx, *ticket, None).await?;
        let Some(author) = tx.actor().user_id() else { return Err(Error::unauthenticated()) };
        bounded("mentionIds", mentions.len())?;
        let id = CommentId(tx.new_uuid());
        let body = text::body("body", body, BODY_CHARS_MAX)?;
        let decision = lifecycle::comment(&ticket, tx.actor(), tx.now, id, &body, *visibility)?;
        let comment = Comment { id, ticket: ticket.id, author, body, visibility: *visibility, created_at: tx.now };
        store::insert_comment(tx.conn(), comment).await?;
        // Only a resumption changes what others must have seen.
        let versioned = decision.next.status != ticket.status;
        settle(tx, &ticket, decision, versioned).await?;
        mention(tx, &ticket, mentions).await?;
        Ok(id)
    }
}

/// Mentioning somebody of the staff lets them see the ticket.
async fn mention(tx: &mut Tx, ticket: &Ticket, users: &[UserId]) -> Result<()> {
    if users.is_empty() {
        return Ok(());
    }
    if !tx.actor().is_staff() {
        return Err(refuse(
            Code::Forbidden,
            "mentionIds",
            "Only staff mention colleagues.",
            "只有服务人员可以提及同事。",
        )
        .into());
    }
    for user in people::queries::users(tx.conn(), users.to_vec()).await? {
        if user.is_staff()
            && store::add_participant(tx.conn(), ticket.id, user.id, ParticipantReason::Mentioned).await?
        {
            let fact = Fact::ParticipantAdded { user: user.id, reason: ParticipantReason::Mentioned };
            record(tx, ticket, None, fact).await?;
        }
    }
    Ok(())
}

impl Command for UpdateTicket {
    const NAME: &'static str = "updateTicket";
    type Output = TicketId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let Self {
            ticket,
            expected_version,
            title,
            description,
            priority,
            issue_type,
            product,
            team_key,
            required_skills,
        } = self;
        let ticket = load(tx, *ticket, *expected_version).await?;
        rights::may(tx.actor(), Action::Update, &ticket)?;
        let mut changes = Changes {
            title: title.as_deref().map(|title| text::line("title", title, TITLE_CHARS_MAX)).transpose()?,
            description: description
                .as_deref()
                .map(|body| text::body("description", body, BODY_CHARS_MAX))
                .transpose()?,
            priority: *priority,
            product: product_of(tx, product.as_deref()).await?,
            ..Changes::default()
        };
        if issue_type.is_some() {
            let (key, queue) = issue_type_of(tx, issue_type.as_deref()).await?;
            changes.issue_type = key;
            changes.confidential = Some(queue.confidential);
        }
        if let Some(key) = team_key {
            let team = catalogue::require_team(tx.conn(), "teamKey", key).await?;
            changes.team = Some(team.id);
            changes.confidential = Some(changes.confidential.unwrap_or(ticket.confidential) || team.confidential);
        }
        if let Some(skills) = required_skills {
            bounded("requiredSkills", skills.len())?;
            let skills = catalogue::check_keys(tx.conn(), Kind::Skill, "requiredSkills", skills).await?;
            changes.required_skills = Some(skills);
        }
        match lifecycle::update(&ticket, tx.actor(), tx.now, &changes)? {
            Some(decision) => settle(tx, &ticket, decision, true).await,
            None => Ok(ticket.id),
        }
    }
}

impl Command for LinkExternalRef {
    const NAME: &'static str = "linkExternalRef";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let token = token::parse(&self.token).ok_or_else(|| {
            refuse(
                Code::TokenInvalid,
                "ticketToken",
                "This is no ticket token: check it against TKN-XXXXXX-XXXXX, letter by letter.",
                "工单令牌无效，请逐字核对（格式 TKN-XXXXXX-XXXXX）。",
            )
        })?;
        let id = queries::id_by_token(tx.conn(), &token).await?.ok_or_else(|| rights::not_found("ticketToken"))?;
        let ticket = load(tx, id, None).await.map_err(|error| match error {
            Error::Refused(refusals) => Error::Refused(
                refusals
                    .into_iter()
                    .map(|refusal| Refusal { field: vec!["ticketToken".to_owned()], ..refusal })
                    .collect(),
            ),
            error => error,
        })?;
        let reference = reference("", &self.reference).map_err(|mut refusal| {
            refusal.field.retain(|part| !part.is_empty());
            refusal
        })?;
        let fact = Fact::Linked { reference: reference.clone() };
        let decision = lifecycle::beside(&ticket, tx.actor(), tx.now, Action::Link, fact)?;
        link(tx, id, "externalId", &[reference]).await?;
        settle(tx, &ticket, decision, false).await
    }
}

impl Command for FollowTicket {
    const NAME: &'static str = "followTicket";
    type Output = TicketId;

    async fn run(&self, tx: &mut Tx) -> Result<TicketId> {
        let ticket = load(tx, self.ticket, None).await?;
        let Some(user) = tx.actor().user_id() else { return Err(Error::unauthenticated()) };
        let fact = if self.follow {
            Fact::ParticipantAdded { user, reason: ParticipantReason::Follower }
        } else {
            Fact::ParticipantRemoved { user }
        };
        let decision = lifecycle::beside(&ticket, tx.actor(), tx.now, Action::Follow, fact)?;
        let changed = if self.follow {
            store::add_participant(tx.conn(), ticket.id, user, ParticipantReason::Follower).await?
        } else {
            store::remove_follower(tx.conn(), ticket.id, user).await?
        };
        if changed { settle(tx, &ticket, decision, false).await } else { Ok(ticket.id) }
    }
}
