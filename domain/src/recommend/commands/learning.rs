//! What the order of cases learns from what people cite and dismiss.

use std::collections::{HashMap, HashSet};

use futures::FutureExt as _;

use crate::event::Event;
use crate::kernel::{Error, Result, TicketId, days};
use crate::recommend::decide::{self, Lesson};
use crate::recommend::model::{Question, RecommendEvent, Suggestion, SuggestionState};
use crate::recommend::queries::{Ranking, rank};
use crate::recommend::{react, store};
use crate::runtime::jobs::{Next, Outcome, Prepared};
use crate::runtime::{Ctx, Tx};
use crate::tickets;

/// Tickets that are learned from, those that were answered last.
const TICKETS_MAX: u64 = 400;
/// No longer ago than this: products and words change.
const SINCE_DAYS: u64 = 180;
/// Cases of a ticket that stood to choose from.
const CANDIDATES: usize = 50;

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

/// `None`: there is too little to learn from.
async fn lesson(cx: &Ctx) -> Result<Option<Lesson>> {
    let since = cx.now() - days(SINCE_DAYS);
    let answered = store::answered(cx.read(), since, TICKETS_MAX).await?;
    if answered.len() < decide::QUESTIONS_MIN {
        return Ok(None);
    }
    let ids: Vec<TicketId> = answered.keys().copied().collect();
    let mut tickets = tickets::queries::by_ids(cx.read(), &ids).await?;
    let index = cx.app.index.clone();
    let learn = move || {
        let mut choices = Vec::with_capacity(answered.len());
        // By id: in the order of time.
        let mut answered: Vec<(TicketId, Vec<Suggestion>)> = answered.into_iter().collect();
        answered.sort_unstable_by_key(|(ticket, _)| *ticket);
        for (id, suggestions) in answered {
            let Some(ticket) = tickets.remove(&id) else { continue };
            let said: HashMap<TicketId, SuggestionState> = suggestions.iter().map(|s| (s.case, s.state)).collect();
            let ranking = Ranking { limit: CANDIDATES, floor: 0.0, weights: search::Weights::CHOSEN };
            let vector = index.vector(id.0);
            let question = Question::of(&ticket);
            let exclude = HashSet::from([id.0]);
            let clause =
                search::Clause { all_of: vec![crate::recommend::model::SOLVED.to_owned()], any_of: Vec::new() };
            let now = ticket.created_at.millis();
            let hits = rank(&index, &question, vector.as_ref(), now, &clause, &exclude, ranking)?;
            let verdict = |hit: &search::Hit| match said.get(&TicketId(hit.id)) {
                Some(SuggestionState::Cited) => search::Verdict::Chosen,
                Some(SuggestionState::Dismissed) => search::Verdict::Refused,
                Some(SuggestionState::Shown) | None => search::Verdict::Passed,
            };
            choices.push(search::Choice { candidates: hits.iter().map(|hit| (hit.traits, verdict(hit))).collect() });
        }
        Ok::<_, Error>(decide::learn(&choices))
    };
    tokio::task::spawn_blocking(learn).await.map_err(Error::internal)?
}
