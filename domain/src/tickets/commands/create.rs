//! A new ticket.

use std::sync::Arc;

use super::fields::{link, reference, unlinked};
use super::{bounded, record};
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::text::{self, BODY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Actor, Code, Error, Refusal, Result, Role, TeamId, TicketId, UserId, refuse};
use crate::people;
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self};
use crate::tickets::decide::token;
use crate::tickets::model::{CreateTicket, Fact, Ticket, TicketStatus};
use crate::tickets::store;

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
            device,
            customer_key,
            requester_email,
            required_skills,
            external_refs,
            at,
        } = self;
        may_create(tx.actor())?;
        let title = text::line("title", title, TITLE_CHARS_MAX)?;
        let description = text::body("description", description, BODY_CHARS_MAX)?;
        bounded("requiredSkills", required_skills.len())?;
        bounded("externalRefs", external_refs.len())?;
        let (issue_type, queue) = issue_type_of(tx, issue_type.as_deref()).await?;
        let product = product_of(tx, product.as_deref()).await?;
        let device = device_of(device.as_deref())?.flatten();
        let required_skills = catalogue::check_keys(tx, Kind::Skill, "requiredSkills", required_skills).await?;
        let refs =
            external_refs.iter().map(|given| reference("externalRefs", given)).collect::<Result<Vec<_>, Refusal>>()?;
        unlinked(tx, "externalRefs", &refs).await?;
        let asking = asking_side(tx, requester_email.as_deref(), customer_key.as_deref()).await?;
        // Only what Buoy itself takes in may have waited.
        let created_at = at.filter(|at| *tx.actor() == Actor::System && *at <= tx.now).unwrap_or(tx.now);
        let id = TicketId(tx.new_uuid());
        let fact = Fact::Created { text_digest: lifecycle::text_digest(&format!("{title}\n{description}")) };
        let ticket = Ticket {
            id,
            number: next_numbers(tx, 1).await?[0],
            token: token::generate(&*tx.app().chance),
            title,
            description,
            status: TicketStatus::New,
            priority: *priority,
            issue_type,
            product,
            device,
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
            created_at,
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
            first_resolved_at: None,
            first_resolution_hand_overs: 0,
            first_reopened_at: None,
            no_response_marked_at: None,
            pending: None,
        };
        store::insert(tx.conn(), vec![ticket.clone()]).await?;
        link(tx, id, "externalRefs", &refs).await?;
        record(tx, &ticket, fact).await?;
        Ok(id)
    }
}

pub(super) async fn next_numbers(tx: &Tx, count: usize) -> Result<Vec<i64>> {
    let numbers = store::next_numbers(tx, count).await?;
    if numbers.len() == count { Ok(numbers) } else { Err(Error::internal("the database gives no ticket numbers")) }
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

/// Where tickets of an issue type go.
#[derive(Default)]
pub(super) struct Queue {
    pub team: Option<TeamId>,
    pub confidential: bool,
}

pub(super) async fn issue_type_of(tx: &Tx, key: Option<&str>) -> Result<(Option<String>, Queue)> {
    let Some(key) = key else { return Ok((None, Queue::default())) };
    let entry = catalogue::require(tx, Kind::IssueType, "issueType", key).await?;
    let mut confidential = entry.confidential;
    if let Some(team) = entry.team {
        confidential |= catalogue::team(tx, team).await?.is_some_and(|team| team.confidential);
    }
    Ok((Some(entry.key), Queue { team: entry.team, confidential }))
}

pub(super) async fn product_of(tx: &Tx, key: Option<&str>) -> Result<Option<String>> {
    match key {
        None => Ok(None),
        Some(key) => Ok(Some(catalogue::require(tx, Kind::Product, "product", key).await?.key)),
    }
}

/// Nothing but blanks: none.
pub(super) fn device_of(given: Option<&str>) -> Result<Option<Option<String>>, Refusal> {
    let given = given.map(|text| Some(text).filter(|text| !text.trim().is_empty()));
    given.map(|text| text.map(|text| text::key("device", text)).transpose()).transpose()
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
            Some(Arc::new(user.ok_or_else(|| {
                refuse(
                    Code::UnknownKey,
                    "requesterEmail",
                    "Nobody with this e-mail address is known: create the user first, or leave it out.",
                    "没有使用该邮箱的用户，请先创建用户，或不填写此项。",
                )
            })?))
        }
        None => match tx.actor().user_id() {
            Some(id) => people::queries::kept(tx.app(), vec![id]).await?.remove(&id),
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
