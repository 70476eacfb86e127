//! What the order of cases learns from what people cite and dismiss.

use std::collections::{HashMap, HashSet};

use futures::FutureExt as _;

use crate::event::Event;
use crate::kernel::{Error, Result, TicketId, days};
use crate::knowledge;
use crate::recommend::decide::{self, Lesson};
use crate::recommend::model::{CASE, Question, RecommendEvent, SOLVED, Suggestion};
use crate::recommend::queries::{Ranking, rank};
use crate::recommend::{react, store};
use crate::runtime::jobs::{Next, Outcome, Prepared};
use crate::runtime::{Ctx, Tx};
use crate::tickets;
use crate::tickets::model::Ticket;

/// Tickets that are learned from, those that were answered last.
const TICKETS_MAX: u64 = 400;
/// No longer ago than this: products and words change.
const SINCE_DAYS: u64 = 180;
/// Cases of a ticket that stood to choose from.
const CANDIDATES: usize = 50;
/// Cases whose cards one statement looks up.
const FOUND_MAX: usize = 500;

/// The first half: nothing; all of it is read and weighed outside any transaction.
pub fn prepare_learning(tx: &Tx) -> Prepared {
    let cx = tx.cx.clone();
    let lesson = async move {
        match lesson(&cx).await.and_then(|lesson| serde_json::to_value(lesson).map_err(Error::internal)) {
            Ok(lesson) => Outcome::Found(lesson),
            Err(error) => Outcome::Refused { why: error.to_string() },
        }
    };
    Prepared::Send(lesson.boxed())
}

/// The second half: what was learned holds from now on, on every node.
pub async fn settle_learning(tx: &mut Tx, outcome: Outcome) -> Result<Next> {
    let lesson: Option<Lesson> = match outcome {
        Outcome::Found(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("nothing was learned: {other:?}"))),
    };
    if let Some(lesson) = lesson {
        store::put_lesson(tx.conn(), &lesson, tx.now).await?;
        let Lesson { questions, used, .. } = lesson;
        tx.record(Event::Recommend(RecommendEvent::RankingLearned { questions, used })).await?;
    }
    Ok(Next::At(tx.now + react::LEARN_EVERY))
}

/// A ticket that was answered, with what stands to choose from now.
struct Asked {
    said: HashMap<TicketId, Suggestion>,
    hits: Vec<search::Hit>,
}

/// `None`: there is too little to learn from.
async fn lesson(cx: &Ctx) -> Result<Option<Lesson>> {
    let since = cx.now() - days(SINCE_DAYS);
    let answered = store::answered(cx.read(), since, TICKETS_MAX).await?;
    if answered.len() < decide::QUESTIONS_MIN {
        return Ok(None);
    }
    let ids: Vec<TicketId> = answered.keys().copied().collect();
    let tickets = tickets::queries::by_ids(cx.read(), &ids).await?;
    let index = cx.app.index.clone();
    let search = move || ask(&index, answered, tickets);
    let asked = tokio::task::spawn_blocking(search).await.map_err(Error::internal)??;
    let found: HashSet<TicketId> = asked.iter().flat_map(|of| &of.hits).map(|hit| TicketId(hit.id)).collect();
    let found: Vec<TicketId> = found.into_iter().collect();
    let solved_at = store::solved_at(cx.read(), &found).await?;
    let mut cards = HashMap::new();
    for ids in found.chunks(FOUND_MAX) {
        cards.extend(knowledge::queries::live_cards_of(cx.read(), ids).await?);
    }
    let choices: Vec<search::Choice> =
        asked.iter().map(|Asked { said, hits }| decide::choice(said, hits, &solved_at, &cards)).collect();
    tokio::task::spawn_blocking(move || decide::learn(&choices, &search::Weights::CHOSEN))
        .await
        .map_err(Error::internal)
}

/// In the order of time: by id.
fn ask(
    index: &search::Index,
    answered: HashMap<TicketId, Vec<Suggestion>>,
    tickets: HashMap<TicketId, Ticket>,
) -> Result<Vec<Asked>> {
    let mut asked = Vec::with_capacity(tickets.len());
    let mut tickets: Vec<Ticket> = tickets.into_values().collect();
    tickets.sort_unstable_by_key(|ticket| ticket.id);
    let ranking = Ranking { limit: CANDIDATES, floor: 0.0, weights: search::Weights::CHOSEN };
    let clause = search::Clause { all_of: vec![SOLVED.to_owned()], any_of: vec![vec![CASE.to_owned()]] };
    for ticket in &tickets {
        let said = answered.get(&ticket.id).into_iter().flatten().map(|of| (of.case, of.clone())).collect();
        let (vector, exclude) = (index.vector(ticket.id.0), HashSet::from([ticket.id.0]));
        let now = ticket.created_at.millis();
        let hits = rank(index, &Question::of(ticket), vector.as_ref(), now, &clause, &exclude, ranking)?;
        asked.push(Asked { said, hits });
    }
    Ok(asked)
}
