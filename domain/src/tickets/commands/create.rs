//! Creates a ticket.

use std::sync::Arc;

use super::references::{self, MovedReference, check_reference};
use super::{append_fact_to, check_count};
use crate::catalogue::decide;
use crate::catalogue::model::{Entry, Kind, ProductMatch};
use crate::catalogue::queries as catalogue;
use crate::kernel::text::{self, BODY_CHARS_MAX, TITLE_CHARS_MAX};
use crate::kernel::{Actor, ApiScope, Code, Error, Refusal, Result, Role, TeamId, TicketId, UserId, boxed, refuse};
use crate::msg;
use crate::people;
use crate::runtime::{Command, Tx};
use crate::tickets::decide::lifecycle::{self};
use crate::tickets::decide::token;
use crate::tickets::model::{CreateTicket, Fact, Ticket, TicketRequest};
use crate::tickets::store;

impl Command for CreateTicket {
    const NAME: &'static str = "createTicket";
    type Output = TicketId;

    #[boxed]
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
            requester,
            required_skills,
            external_refs,
            at,
        } = self;
        may_create(tx.actor())?;
        let title = text::line("title", title, TITLE_CHARS_MAX)?;
        let description = text::body("description", description, BODY_CHARS_MAX)?;
        check_count("requiredSkills", required_skills.len())?;
        check_count("externalRefs", external_refs.len())?;
        let issue_type = find_entry(tx, Kind::IssueType, "issueType", issue_type.as_deref()).await?;
        let mut product = find_entry(tx, Kind::Product, "product", product.as_deref()).await?;
        let mut product_recognised_by = None;
        if product.is_none()
            && let Some((found, term)) = recognise_product(tx, &title, &description).await?
        {
            (product, product_recognised_by) = (Some(found), Some(term));
        }
        let routing = routing(tx, issue_type.as_ref(), product.as_ref()).await?;
        let device = check_device(device.as_deref())?.flatten();
        let required_skills = catalogue::check_keys(tx, Kind::Skill, "requiredSkills", required_skills).await?;
        let refs = external_refs
            .iter()
            .map(|given| check_reference("externalRefs", given))
            .collect::<Result<Vec<_>, Refusal>>()?;
        let (refs, noted) = if may_link(tx.actor()) { (refs, Vec::new()) } else { (Vec::new(), refs) };
        references::require_claims(tx, "externalRefs", &refs).await?;
        let requester_info =
            resolve_requester(tx, *requester, requester_email.as_deref(), customer_key.as_deref()).await?;
        // Only Buoy itself may backdate a ticket: for submissions that were quarantined.
        let created_at = at.filter(|at| *tx.actor() == Actor::System && *at <= tx.now).unwrap_or(tx.now);
        let id = TicketId(tx.new_uuid());
        let fact = Fact::Created {
            text_digest: lifecycle::text_digest(&format!("{title}\n{description}")),
            product_recognised: product_recognised_by.is_some(),
        };
        let request = TicketRequest {
            priority: *priority,
            issue_type: issue_type.map(|entry| entry.key),
            product: product.map(|entry| entry.key),
            product_recognised_by,
            device,
            required_skills,
            requester: requester_info.requester,
            customer: requester_info.customer,
            confidential: routing.confidential,
            ..TicketRequest::new(title, description, tx.cx.channel)
        };
        let number = next_numbers(tx, 1).await?[0];
        let mut ticket = Ticket::new(id, number, token::generate(&*tx.app().entropy), request, created_at);
        ticket.assignment.team = routing.team;
        (ticket.times.updated_at, ticket.times.public_updated_at) = (tx.now, tx.now);
        store::insert(tx.conn(), vec![ticket.clone()]).await?;
        let moved = references::link(tx, &ticket, "externalRefs", &refs).await?;
        append_fact_to(tx, &ticket, fact).await?;
        for MovedReference { reference, from } in moved {
            append_fact_to(tx, &ticket, Fact::Linked { reference, moved_from: Some(from) }).await?;
        }
        if let Some(author) = tx.actor().user_id().filter(|_| !noted.is_empty()) {
            references::note(tx, &ticket, author, &noted).await?;
        }
        Ok(id)
    }
}

pub(super) async fn next_numbers(tx: &Tx, count: usize) -> Result<Vec<i64>> {
    let numbers = store::next_numbers(tx, count).await?;
    if numbers.len() == count { Ok(numbers) } else { Err(Error::internal("the database gives no ticket numbers")) }
}

/// Whether the actor links references to a new ticket. A requester could take the numbers of another party; of a system, the hub has
/// checked that they are its own.
fn may_link(actor: &Actor) -> bool {
    *actor == Actor::System || actor.is_staff() || actor.is(Role::Partner)
}

fn may_create(actor: &Actor) -> Result<()> {
    match actor {
        Actor::System => Ok(()),
        Actor::Anonymous => Err(Error::unauthenticated()),
        Actor::Person(person) if person.is_staff() || person.is(Role::Requester) => Ok(()),
        Actor::Person(person) if person.is(Role::Partner) && person.has_scope(ApiScope::Create) => Ok(()),
        Actor::Person(_) => Err(refuse(Code::Forbidden, "", msg!("tickets-create-forbidden")).into()),
    }
}

/// Where a ticket goes.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Routing {
    pub team: Option<TeamId>,
    pub confidential: bool,
}

/// Where a ticket of this issue type and product goes: to the team of its issue type, else to that of its product.
pub(super) async fn routing(tx: &Tx, issue_type: Option<&Entry>, product: Option<&Entry>) -> Result<Routing> {
    let team = issue_type.and_then(|entry| entry.team).or_else(|| product.and_then(|entry| entry.team));
    let mut confidential = issue_type.is_some_and(|entry| entry.confidential);
    if let Some(team) = team {
        confidential |= catalogue::team(tx, team).await?.is_some_and(|team| team.confidential);
    }
    Ok(Routing { team, confidential })
}

/// The usable entry with a key from an input.
pub(super) async fn find_entry(tx: &Tx, kind: Kind, field: &str, key: Option<&str>) -> Result<Option<Entry>> {
    match key {
        None => Ok(None),
        Some(key) => catalogue::require(tx, kind, field, key).await.map(Some),
    }
}

/// The product that a text names, and by which key, name or alias.
async fn recognise_product(tx: &Tx, title: &str, description: &str) -> Result<Option<(Entry, String)>> {
    let known = catalogue::cached(tx.app()).await?;
    let ProductMatch::Product { key, term } = decide::recognise_product(&known.product_terms, title, description)
    else {
        return Ok(None);
    };
    Ok(known.entry(Kind::Product, &key).map(|entry| (entry.clone(), term)))
}

/// `Some(None)` for a blank text.
pub(super) fn check_device(given: Option<&str>) -> Result<Option<Option<String>>, Refusal> {
    let given = given.map(|text| Some(text).filter(|text| !text.trim().is_empty()));
    given.map(|text| text.map(|text| text::key("device", text)).transpose()).transpose()
}

struct RequesterInfo {
    requester: Option<UserId>,
    customer: Option<crate::kernel::CustomerId>,
}

/// The requester and customer of a new ticket. Staff and systems may create it for somebody else; a requester only for themselves. The
/// account of a system is nobody's requester.
async fn resolve_requester(
    tx: &Tx,
    writer: Option<UserId>,
    email: Option<&str>,
    customer_key: Option<&str>,
) -> Result<RequesterInfo> {
    let of_system = tx.actor().is(Role::Partner) && !tx.actor().is_staff();
    let for_others = tx.actor().is_staff() || of_system || *tx.actor() == Actor::System;
    let requester = match email {
        Some(email) => {
            let email = text::email("requesterEmail", email)?;
            let user = people::queries::user_by_email(tx.conn(), &email).await?;
            let user = user.filter(|user| for_others || Some(user.id) == tx.actor().user_id());
            Some(Arc::new(
                user.ok_or_else(|| refuse(Code::UnknownKey, "requesterEmail", msg!("tickets-requester-unknown")))?,
            ))
        }
        // A contact may have been created in this transaction, so they are not in the cache.
        None if writer.is_some() && *tx.actor() == Actor::System => match writer {
            Some(id) => people::queries::user(tx.conn(), id).await?.map(Arc::new),
            None => None,
        },
        None => match tx.actor().user_id().filter(|_| !of_system) {
            Some(id) => people::queries::cached_users(tx.app(), vec![id]).await?.remove(&id),
            None => None,
        },
    };
    let own = requester.as_ref().and_then(|user| user.customer);
    let customer = match customer_key {
        None => own,
        Some(key) => {
            let id = people::commands::customer_id(tx.conn(), "customerKey", key).await?;
            if !for_others && own != Some(id) {
                return Err(catalogue::unknown_key("customerKey", key).into());
            }
            Some(id)
        }
    };
    Ok(RequesterInfo { requester: requester.map(|user| user.id), customer })
}
