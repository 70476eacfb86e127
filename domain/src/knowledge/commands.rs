//! Occurrences, card extraction, card edits and citations.

use std::collections::{BTreeSet, HashSet};

use super::decide::{self, Edit};
use super::model::{
    Card, CardState, Citation, CiteSolution, CreateCard, EXTRACT_JOB, EditCard, ExtractionTrigger, FILL_JOB,
    GAP_LOOKBACK, KnowledgeEvent, KnowledgeFact, Origin, PublishCard, RetireCard, ReviewCard, Settings, Signature,
    Source,
};
use super::store::entities::{card_case, occurrence};
use super::{queries, store};
use crate::calendar::model::Organisation;
use crate::catalogue::model::Kind;
use crate::catalogue::queries as catalogue;
use crate::kernel::{Actor, CardId, CitationId, Code, Error, Result, TicketId, Timestamp, boxed, refuse};
use crate::msg;
use crate::runtime::command::version_conflict;
use crate::runtime::jobs::{self, Schedule};
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::decide::rights;
use crate::tickets::model::{Action, Attribution};

/// Occurrences of one signature that one extraction reads; far more than a card needs.
const OCCURRENCES_MAX: u64 = 5_000;
/// Cases that join a card in one transaction; each records an event of its own.
const JOINED_MAX: u64 = 25;
/// Cases from which the text of a new card is chosen.
const DRAFT_CANDIDATES_MAX: usize = 200;
/// Tickets updated in one transaction.
const STALE_MAX: u64 = 500;

/// Derives the occurrences of these tickets from their current state, and schedules extraction for signatures that gain one.
#[boxed]
pub async fn update_occurrences(tx: &mut Tx, ids: &[TicketId]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let tickets = tickets::commands::load_for_share(tx, ids).await?;
    let revisions = tickets::queries::revisions(tx.conn(), ids).await?;
    let attributions = tickets::queries::attributions(tx.conn(), ids).await?;
    let before = queries::occurrences(tx.conn(), ids).await?;
    store::mark_citations_resolved(tx.conn(), ids).await?;
    let mut rows = Vec::new();
    let mut signatures = BTreeSet::new();
    for ticket in tickets.values().filter(|ticket| rights::is_case(ticket)) {
        let (id, at) = (ticket.id, ticket.closing.first_resolved_at);
        let (Some(attribution), Some(at), Some(revision)) = (attributions.get(&id), at, revisions.get(&id)) else {
            continue;
        };
        let signature = Signature::of(ticket.request.product.as_deref(), &attribution.details).digest();
        // If only the revision changed, the signature needs no extraction.
        if before.get(&id).is_none_or(|before| before.signature != signature || before.at != at) {
            signatures.insert(signature.clone());
        }
        rows.push(occurrence::Model { ticket_id: id, signature, at, revision: *revision });
    }
    let current: HashSet<TicketId> = rows.iter().map(|row| row.ticket_id).collect();
    let obsolete = before.into_values().filter(|row| !current.contains(&row.ticket_id)).collect();
    store::delete_occurrences(tx.conn(), obsolete).await?;
    store::upsert_occurrences(tx.conn(), rows).await?;
    let now = tx.now;
    // One job per signature, so that counts see each other's writes.
    let jobs: Vec<_> = signatures.iter().map(|signature| Schedule::new(EXTRACT_JOB, signature, now)).collect();
    jobs::schedule(tx, &jobs).await
}

/// Updates occurrences of tickets that changed without an event. Returns whether there are more.
#[boxed]
pub async fn update_stale_occurrences(tx: &mut Tx) -> Result<bool> {
    let ids = queries::stale_occurrences(tx.app(), STALE_MAX).await?;
    update_occurrences(tx, &ids).await?;
    Ok(ids.len() as u64 == STALE_MAX)
}

/// Schedules extraction for signatures in a knowledge gap, below the weekly threshold.
#[boxed]
pub async fn extract_for_gaps(tx: &mut Tx, signatures: &[String]) -> Result<()> {
    let now = tx.now;
    let jobs: Vec<_> = signatures.iter().map(|signature| Schedule::new(FILL_JOB, signature, now)).collect();
    jobs::schedule(tx, &jobs).await
}

/// Creates the card of a signature if the trigger's threshold is met; adds new occurrences to an existing card.
#[boxed]
pub async fn extract(tx: &mut Tx, signature: &str, trigger: ExtractionTrigger) -> Result<()> {
    let card = match store::card_of_signature(tx.conn(), signature).await? {
        Some(card) => card,
        None => match create_card(tx, signature, trigger).await? {
            Some(card) => card,
            None => return Ok(()),
        },
    };
    let unjoined = queries::unjoined_occurrences(tx.conn(), signature, card, JOINED_MAX).await?;
    join_cases(tx, signature, card, &unjoined).await?;
    if unjoined.len() as u64 == JOINED_MAX {
        let now = tx.now;
        jobs::schedule(tx, &[Schedule::new(EXTRACT_JOB, signature, now)]).await?;
    }
    Ok(())
}

/// Creates a draft with the text of the case that has the longest resolution, if the signature recurs often enough.
async fn create_card(tx: &mut Tx, signature: &str, trigger: ExtractionTrigger) -> Result<Option<CardId>> {
    let occurrences = store::occurrences_of(tx.conn(), signature, OCCURRENCES_MAX).await?;
    let instants: Vec<_> = occurrences.iter().map(|(_, at)| *at).collect();
    let Settings { occurrences_in_week, occurrences_in_gap, .. } = *tx.app().state::<Settings>();
    let enough = match trigger {
        ExtractionTrigger::WeeklyRecurrence => {
            decide::recurs_in_a_week(&instants, occurrences_in_week, &tx.app().state::<Organisation>().zone)
        }
        ExtractionTrigger::KnowledgeGap => {
            instants.iter().filter(|at| **at >= tx.now - GAP_LOOKBACK).count() >= occurrences_in_gap
        }
    };
    if !enough {
        return Ok(None);
    }
    let of: Vec<TicketId> = occurrences.iter().take(DRAFT_CANDIDATES_MAX).map(|(ticket, _)| *ticket).collect();
    let tickets = tickets::commands::load_for_share(tx, &of).await?;
    let attributions = tickets::queries::attributions(tx.conn(), &of).await?;
    // A ticket that changed since its occurrence was derived is not a case of this card.
    let has_signature = |a: &&Attribution| {
        tickets.get(&a.ticket).is_some_and(|ticket| {
            let digest = Signature::of(ticket.request.product.as_deref(), &a.details).digest();
            digest == signature && rights::is_case(ticket)
        })
    };
    let longest =
        attributions.values().filter(has_signature).max_by_key(|a| (a.details.resolution.chars().count(), a.ticket));
    let Some((attribution, ticket)) = longest.and_then(|a| Some((a, tickets.get(&a.ticket)?))) else {
        return Ok(None);
    };
    let card = Card {
        id: CardId(tx.new_uuid()),
        signature: Signature::of(ticket.request.product.as_deref(), &attribution.details),
        state: CardState::Draft,
        version: 1,
        text: decide::draft(&ticket.request.title, &attribution.details.resolution),
        extracted_at: tx.now,
        reviewed: None,
        published: None,
        retired: None,
        origin: Origin { title: Some(ticket.id), solution: Some(ticket.id) },
        withheld: false,
    };
    if !store::insert_card(tx.conn(), &card, None).await? {
        // Another transaction created the card; its cases join with the next update.
        return Ok(None);
    }
    let cases = occurrences.len();
    let extracted = KnowledgeEvent::CardExtracted { card: card.id, team: ticket.assignment.team, cases };
    tx.record(extracted).await?;
    Ok(Some(card.id))
}

async fn join_cases(tx: &mut Tx, signature: &str, card: CardId, unjoined: &[(TicketId, Timestamp)]) -> Result<()> {
    let ids: Vec<TicketId> = unjoined.iter().map(|(ticket, _)| *ticket).collect();
    let tickets = tickets::commands::load_for_share(tx, &ids).await?;
    let attributions = tickets::queries::attributions(tx.conn(), &ids).await?;
    let mut stale = Vec::new();
    for (id, at) in unjoined {
        let valid = tickets.get(id).zip(attributions.get(id)).filter(|(ticket, attribution)| {
            let digest = Signature::of(ticket.request.product.as_deref(), &attribution.details).digest();
            rights::is_case(ticket) && digest == signature
        });
        let Some((ticket, attribution)) = valid else {
            stale.push(*id);
            continue;
        };
        let row = card_case::Model {
            card_id: card,
            ticket_id: *id,
            title: ticket.request.title.clone(),
            resolution: attribution.details.resolution.clone(),
            handler_id: attribution.by,
            resolved_at: *at,
            joined_at: tx.now,
        };
        if store::insert_case(tx.conn(), row).await? {
            tickets::commands::append_fact(tx, *id, KnowledgeFact::JoinedCard { card }.into()).await?;
        }
    }
    // Derive occurrences again for tickets that changed meanwhile.
    update_occurrences(tx, &stale).await
}

impl Command for CiteSolution {
    const NAME: &'static str = "citeSolution";
    type Output = CitationId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CitationId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        // Check the right to change the ticket first: without it, nothing about a source may be revealed.
        tickets::commands::check_action(tx, self.ticket, Action::Cite).await?;
        let source = match (self.case, self.card) {
            (Some(case), None) => Source::Case(case),
            (None, Some(card)) => Source::Card(card),
            _ => {
                return Err(refuse(Code::Required, "caseId", msg!("knowledge-citation-ambiguous")).into());
            }
        };
        let (text, origin) = match source {
            Source::Case(case) => (solution_of_case(tx, self.ticket, case).await?, Some(case)),
            Source::Card(card) => {
                let card = load_for_update(tx, card, None).await?;
                if card.state == CardState::Retired {
                    return Err(
                        refuse(Code::InvalidTransition, "cardId", msg!("knowledge-citation-card-retired")).into()
                    );
                }
                (card.text.solution, card.origin.solution)
            }
        };
        let id = CitationId(tx.new_uuid());
        if let Some(before) = store::citation_of(tx.conn(), self.ticket, source).await? {
            return Ok(before.id);
        }
        let citation = Citation { id, ticket: self.ticket, source, origin, text, by, at: tx.now };
        store::insert_citation(tx.conn(), &citation).await?;
        store::mark_citations_resolved(tx.conn(), &[self.ticket]).await?;
        let fact = KnowledgeFact::Cited { citation: id };
        tickets::commands::perform_action(tx, self.ticket, Action::Cite, fact.into()).await?;
        Ok(id)
    }
}

/// The solution of a solved ticket that the actor may read.
async fn solution_of_case(tx: &Tx, ticket: TicketId, case: TicketId) -> Result<String> {
    let refused = |message| refuse(Code::Invalid, "caseId", message);
    if case == ticket {
        return Err(refused(msg!("knowledge-citation-of-itself")).into());
    }
    let found = tickets::commands::load_for_share(tx, &[case]).await?.remove(&case);
    let participants = tickets::queries::participants(tx.conn(), case).await?;
    let readable = |found: &tickets::model::Ticket| rights::access(tx.actor(), found, &participants).is_some();
    let found = found.filter(readable).ok_or_else(|| rights::not_found("caseId"))?;
    if found.request.confidential {
        return Err(refused(msg!("knowledge-citation-confidential")).into());
    }
    let solution = tickets::queries::solutions(tx.conn(), &[case]).await?.remove(&case);
    match solution.filter(|_| found.status.is_solved()) {
        Some(solution) => Ok(solution),
        None => Err(refused(msg!("knowledge-citation-without-solution")).into()),
    }
}

/// Loads a card; NOT_FOUND if the actor may not read it.
async fn load(tx: &Tx, id: CardId, expected_version: Option<i32>) -> Result<Card> {
    if *tx.actor() == Actor::Anonymous {
        return Err(Error::unauthenticated());
    }
    let found = store::card(tx.conn(), id).await?;
    let readable = |card: &Card| decide::may_read_card(tx.actor(), card);
    let card =
        found.filter(readable).ok_or_else(|| refuse(Code::NotFound, "cardId", msg!("knowledge-card-not-found")))?;
    if expected_version.is_some_and(|expected| expected != card.version) {
        return Err(version_conflict().into());
    }
    Ok(card)
}

/// Loads a card and locks the tickets its text comes from, so that no redaction runs concurrently.
async fn load_for_update(tx: &Tx, id: CardId, expected_version: Option<i32>) -> Result<Card> {
    let origin: Vec<TicketId> = load(tx, id, expected_version).await?.origin.tickets().collect();
    tickets::commands::load_for_share(tx, &origin).await?;
    load(tx, id, expected_version).await
}

async fn save(tx: &mut Tx, before: &Card, next: &Card, event: KnowledgeEvent) -> Result<CardId> {
    if !store::save(tx.conn(), before, next).await? {
        return Err(Error::Conflict);
    }
    let published = next.state == CardState::Published;
    if published != (before.state == CardState::Published) {
        store::set_published(tx.conn(), next.id, published, tx.now).await?;
    }
    tx.record(event).await?;
    Ok(next.id)
}

impl Command for CreateCard {
    const NAME: &'static str = "createCard";
    type Output = CardId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        if *tx.actor() == Actor::Anonymous {
            return Err(Error::unauthenticated());
        }
        let card = decide::create(self, CardId(tx.new_uuid()), tx.actor(), tx.now)?;
        let Signature { cause_tag, product, solution_tags, .. } = &card.signature;
        catalogue::check_keys(tx, Kind::SolutionTag, "solutionTags", solution_tags).await?;
        if let Some(tag) = cause_tag {
            catalogue::require(tx, Kind::CauseTag, "causeTag", tag).await?;
        }
        if let Some(product) = product {
            catalogue::require(tx, Kind::Product, "product", product).await?;
        }
        if !store::insert_card(tx.conn(), &card, tx.actor().user_id()).await? {
            return Err(refuse(Code::AlreadyExists, "solutionTags", msg!("knowledge-card-exists")).into());
        }
        let text_digest = text_digest(&format!("{}\n{}", card.text.title, card.text.solution));
        tx.record(KnowledgeEvent::CardCreated { card: card.id, text_digest }).await?;
        // Tickets that are solved this way already join it.
        let (now, signature) = (tx.now, card.signature.digest());
        jobs::schedule(tx, &[Schedule::new(EXTRACT_JOB, &signature, now)]).await?;
        Ok(card.id)
    }
}

impl Command for ReviewCard {
    const NAME: &'static str = "reviewCard";
    type Output = CardId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let card = load(tx, self.card, self.expected_version).await?;
        let next = decide::review(&card, tx.actor(), tx.now)?;
        save(tx, &card, &next, KnowledgeEvent::CardReviewed { card: card.id, version: card.version }).await
    }
}

impl Command for PublishCard {
    const NAME: &'static str = "publishCard";
    type Output = CardId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let card = load(tx, self.card, self.expected_version).await?;
        let next = decide::publish(&card, tx.actor(), tx.now)?;
        save(tx, &card, &next, KnowledgeEvent::CardPublished { card: card.id, version: card.version }).await
    }
}

impl Command for RetireCard {
    const NAME: &'static str = "retireCard";
    type Output = CardId;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let card = load(tx, self.card, None).await?;
        let next = decide::retire(&card, tx.actor(), tx.now)?;
        save(tx, &card, &next, KnowledgeEvent::CardRetired { card: card.id }).await
    }
}

impl Command for EditCard {
    const NAME: &'static str = "editCard";
    type Output = CardId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let Self { card, expected_version, title, applies_to, solution, own_words } = self;
        let card = load_for_update(tx, *card, *expected_version).await?;
        let edit = Edit {
            title: title.as_deref(),
            applies_to: applies_to.as_deref(),
            solution: solution.as_deref(),
            own_words: *own_words,
        };
        let Some(next) = decide::edit(&card, tx.actor(), &edit)? else { return Ok(card.id) };
        let digest = text_digest(&format!("{}\n{}", next.text.title, next.text.solution));
        let by = tx.actor().user_id();
        store::insert_version(tx.conn(), &next, by, tx.now).await?;
        let edited = KnowledgeEvent::CardEdited { card: next.id, version: next.version, text_digest: digest };
        save(tx, &card, &next, edited).await
    }
}
