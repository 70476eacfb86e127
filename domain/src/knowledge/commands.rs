//! Learning what tickets have in common, cards, citations.

use std::collections::{BTreeSet, HashSet};

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::decide::{self, Edit};
use super::model::{
    Card, CardState, Citation, CiteSolution, EditCard, KnowledgeEvent, PublishCard, RetireCard, ReviewCard, Settings,
    Signature, Source,
};
use super::store::{self, card, card_case, occurrence};
use super::{queries, react};
use crate::calendar::model::Organisation;
use crate::event::Event;
use crate::kernel::{Actor, CardId, CitationId, Code, Error, Result, TicketId, refuse};
use crate::runtime::command::version_conflict;
use crate::runtime::jobs;
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::lifecycle::text_digest;
use crate::tickets::decide::rights;
use crate::tickets::model::{Action, Attribution, Fact};

/// Occurrences of one signature that are looked at; a card is long made where there are more.
const OCCURRENCES_MAX: u64 = 5_000;
/// Cases that join a card in one transaction.
const JOINED_MAX: usize = 200;
/// Tickets learned of in one transaction.
const COLLECTED_MAX: u64 = 500;

/// Derives the occurrences of tickets anew from what they are now, and has the signatures that gain looked at.
pub async fn learn(tx: &mut Tx, ids: &[TicketId]) -> Result<()> {
    let known = queries::learnable(tx.conn(), ids).await?;
    let before = queries::occurrences(tx.conn(), ids).await?;
    let mut rows = Vec::new();
    let mut signatures = BTreeSet::new();
    for (ticket, signature, at, revision) in known {
        let signature = signature.digest();
        // A revision alone may have changed: nothing to look at then.
        if before.get(&ticket).is_none_or(|before| before.signature != signature || before.at != at) {
            signatures.insert(signature.clone());
        }
        rows.push(occurrence::Model { ticket_id: ticket, signature, at, revision });
    }
    let standing: HashSet<TicketId> = rows.iter().map(|row| row.ticket_id).collect();
    let gone: Vec<TicketId> = before.into_keys().filter(|ticket| !standing.contains(ticket)).collect();
    if !gone.is_empty() {
        let none = occurrence::Entity::delete_many().filter(occurrence::Column::TicketId.is_in(gone));
        none.exec(tx.conn()).await?;
    }
    store::put_occurrences(tx.conn(), rows).await?;
    for signature in signatures {
        let now = tx.now;
        // By signature: one at a time counts, whoever wrote what it counts.
        jobs::plant(tx, react::EXTRACT, &signature, now).await?;
    }
    Ok(())
}

/// Learns of tickets that changed without telling; whether there are more.
pub async fn collect(tx: &mut Tx) -> Result<bool> {
    let ids = queries::unlearned(tx.app(), COLLECTED_MAX).await?;
    learn(tx, &ids).await?;
    Ok(ids.len() as u64 == COLLECTED_MAX)
}

/// Makes the card of a signature, once, where it recurs within a week; lets occurrences join the one that there is.
pub async fn extract(tx: &mut Tx, signature: &str) -> Result<()> {
    let occurrences: Vec<occurrence::Model> = occurrence::Entity::find()
        .filter(occurrence::Column::Signature.eq(signature))
        .order_by_desc(occurrence::Column::At)
        .order_by_desc(occurrence::Column::TicketId)
        .limit(OCCURRENCES_MAX)
        .all(tx.conn())
        .await?;
    let made = card::Entity::find().filter(card::Column::Signature.eq(signature)).one(tx.conn()).await?;
    let card = match made {
        Some(card) => card.id,
        None => {
            let instants: Vec<_> = occurrences.iter().map(|occurrence| occurrence.at).collect();
            let wanted = tx.app().state::<Settings>().occurrences_in_week;
            let zone = &tx.app().state::<Organisation>().zone;
            if !decide::recurs_in_a_week(&instants, wanted, zone) {
                return Ok(());
            }
            let ids: Vec<TicketId> = occurrences.iter().map(|occurrence| occurrence.ticket_id).collect();
            match make(tx, signature, &ids).await? {
                Some(card) => card,
                None => return Ok(()),
            }
        }
    };
    let joined: HashSet<TicketId> = card_case::Entity::find()
        .select_only()
        .column(card_case::Column::TicketId)
        .filter(card_case::Column::CardId.eq(card))
        .into_tuple()
        .all(tx.conn())
        .await?
        .into_iter()
        .collect();
    let mut new = occurrences.iter().filter(|occurrence| !joined.contains(&occurrence.ticket_id));
    let joining: Vec<&occurrence::Model> = new.by_ref().take(JOINED_MAX).collect();
    join(tx, card, &joining).await?;
    if new.next().is_some() {
        let now = tx.now;
        jobs::plant(tx, react::EXTRACT, signature, now).await?;
    }
    Ok(())
}

/// A draft, in the words of the case that says most.
async fn make(tx: &mut Tx, signature: &str, ids: &[TicketId]) -> Result<Option<CardId>> {
    let of = &ids[..ids.len().min(JOINED_MAX)];
    let tickets = tickets::queries::by_ids(tx.conn(), of).await?;
    let attributions = tickets::queries::attributions(tx.conn(), of).await?;
    // What has changed since its occurrence was derived is no case of this.
    let is_of = |a: &&Attribution| {
        let product = tickets.get(&a.ticket).and_then(|ticket| ticket.product.as_deref());
        Signature::of(product, &a.given).digest() == signature
    };
    let says_most = attributions.values().filter(is_of).max_by_key(|a| (a.given.resolution.chars().count(), a.ticket));
    let Some((attribution, ticket)) = says_most.and_then(|a| Some((a, tickets.get(&a.ticket)?))) else {
        return Ok(None);
    };
    let card = Card {
        id: CardId(tx.new_uuid()),
        signature: Signature::of(ticket.product.as_deref(), &attribution.given),
        state: CardState::Draft,
        version: 1,
        text: decide::draft(&ticket.title, &attribution.given.resolution),
        extracted_at: tx.now,
        reviewed: None,
        published: None,
        retired: None,
        withheld: false,
    };
    if !store::insert_card(tx.conn(), &card, ticket.id).await? {
        // Somebody else has made it: its cases join with the next one that is learned of.
        return Ok(None);
    }
    let extracted = KnowledgeEvent::CardExtracted { card: card.id, team: ticket.team, cases: ids.len() };
    tx.record(Event::Knowledge(extracted)).await?;
    Ok(Some(card.id))
}

async fn join(tx: &mut Tx, card: CardId, occurrences: &[&occurrence::Model]) -> Result<()> {
    let ids: Vec<TicketId> = occurrences.iter().map(|occurrence| occurrence.ticket_id).collect();
    let tickets = tickets::queries::by_ids(tx.conn(), &ids).await?;
    let attributions = tickets::queries::attributions(tx.conn(), &ids).await?;
    for occurrence in occurrences {
        let id = occurrence.ticket_id;
        let (Some(ticket), Some(attribution)) = (tickets.get(&id), attributions.get(&id)) else { continue };
        let row = card_case::Model {
            card_id: card,
            ticket_id: id,
            title: ticket.title.clone(),
            resolution: attribution.given.resolution.clone(),
            handler_id: attribution.by,
            resolved_at: occurrence.at,
            joined_at: tx.now,
        };
        if store::insert_case(tx.conn(), row).await? {
            tickets::commands::note(tx, id, Fact::JoinedCard { card }).await?;
        }
    }
    Ok(())
}

impl Command for CiteSolution {
    const NAME: &'static str = "citeSolution";
    type Output = CitationId;

    async fn run(&self, tx: &mut Tx) -> Result<CitationId> {
        let by = tx.actor().user_id().ok_or_else(Error::unauthenticated)?;
        // First the right to change the ticket: who has none is told nothing of a source.
        tickets::commands::check(tx, self.ticket, Action::Cite).await?;
        let source = match (self.case, self.card) {
            (Some(case), None) => Source::Case(case),
            (None, Some(card)) => Source::Card(card),
            _ => {
                return Err(refuse(
                    Code::Required,
                    "caseId",
                    "Give exactly one of caseId and cardId.",
                    "caseId 与 cardId 必须且只能给出一个。",
                )
                .into());
            }
        };
        let text = match source {
            Source::Case(case) => solution_of_case(tx, self.ticket, case).await?,
            Source::Card(card) => {
                let card = load(tx, card, None).await?;
                if card.state == CardState::Retired {
                    return Err(refuse(
                        Code::InvalidTransition,
                        "cardId",
                        "This card is RETIRED: cite another solution, or have it published again.",
                        "该卡片已下线（RETIRED），请引用其他方案，或重新发布该卡片。",
                    )
                    .into());
                }
                card.text.solution
            }
        };
        let id = CitationId(tx.new_uuid());
        if let Some(before) = store::citation_of(tx.conn(), self.ticket, source).await? {
            return Ok(before.id);
        }
        tickets::commands::act(tx, self.ticket, Action::Cite, Fact::Cited { citation: id }).await?;
        let citation = Citation { id, ticket: self.ticket, source, text, by, at: tx.now };
        store::insert_citation(tx.conn(), &citation).await?;
        Ok(id)
    }
}

/// The solution of a solved ticket that the actor may read.
async fn solution_of_case(tx: &Tx, ticket: TicketId, case: TicketId) -> Result<String> {
    let refused = |en: &str, zh: &str| refuse(Code::Invalid, "caseId", en, zh);
    if case == ticket {
        return Err(
            refused("A ticket does not cite itself: name another one.", "工单不能引用自身，请选择其他案例。").into()
        );
    }
    let found = tickets::queries::by_ids(tx.conn(), &[case]).await?.remove(&case);
    let participants = tickets::queries::participants(tx.conn(), case).await?;
    let readable = |found: &tickets::model::Ticket| rights::access(tx.actor(), found, &participants).is_some();
    let found = found.filter(readable).ok_or_else(|| rights::not_found("caseId"))?;
    if found.confidential {
        return Err(refused(
            "This ticket is confidential: its solution does not leave it.",
            "该工单为保密工单，其解决方案不可引用。",
        )
        .into());
    }
    let attribution = tickets::queries::attributions(tx.conn(), &[case]).await?.remove(&case);
    match attribution.filter(|_| found.status.is_solved()) {
        Some(attribution) => Ok(attribution.given.resolution),
        None => Err(refused(
            "Only a RESOLVED or CLOSED ticket with an attribution has a solution to cite.",
            "只有已解决或已关闭且已归因的工单才有可引用的解决方案。",
        )
        .into()),
    }
}

/// The card that an input names; NOT_FOUND where the actor does not read cards like it.
async fn load(tx: &Tx, id: CardId, expected_version: Option<i32>) -> Result<Card> {
    if *tx.actor() == Actor::Anonymous {
        return Err(Error::unauthenticated());
    }
    let row = card::Entity::find_by_id(id).one(tx.conn()).await?;
    let found = store::with_texts(tx.conn(), row.into_iter().collect()).await?.pop();
    let readable = |card: &Card| decide::may_read_card(tx.actor(), card);
    let card = found.filter(readable).ok_or_else(|| {
        refuse(Code::NotFound, "cardId", "There is no such card, or you may not see it.", "卡片不存在，或您无权查看。")
    })?;
    if expected_version.is_some_and(|expected| expected != card.version) {
        return Err(version_conflict().into());
    }
    Ok(card)
}

async fn save(tx: &mut Tx, before: &Card, next: &Card, event: KnowledgeEvent) -> Result<CardId> {
    if !store::save(tx.conn(), before, next).await? {
        return Err(Error::Conflict);
    }
    tx.record(Event::Knowledge(event)).await?;
    Ok(next.id)
}

impl Command for ReviewCard {
    const NAME: &'static str = "reviewCard";
    type Output = CardId;

    fn expected_version(&self) -> Option<i32> {
        self.expected_version
    }

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

    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let card = load(tx, self.card, self.expected_version).await?;
        let next = decide::publish(&card, tx.actor(), tx.now)?;
        save(tx, &card, &next, KnowledgeEvent::CardPublished { card: card.id, version: card.version }).await
    }
}

impl Command for RetireCard {
    const NAME: &'static str = "retireCard";
    type Output = CardId;

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

    async fn run(&self, tx: &mut Tx) -> Result<CardId> {
        let Self { card, expected_version, title, applies_to, solution } = self;
        let card = load(tx, *card, *expected_version).await?;
        let edit = Edit { title: title.as_deref(), applies_to: applies_to.as_deref(), solution: solution.as_deref() };
        let Some(next) = decide::edit(&card, tx.actor(), &edit)? else { return Ok(card.id) };
        let digest = text_digest(&format!("{}\n{}", next.text.title, next.text.solution));
        let by = tx.actor().user_id();
        store::insert_version(tx.conn(), next.id, next.version, &next.text, None, by, tx.now).await?;
        let edited = KnowledgeEvent::CardEdited { card: next.id, version: next.version, text_digest: digest };
        save(tx, &card, &next, edited).await
    }
}
