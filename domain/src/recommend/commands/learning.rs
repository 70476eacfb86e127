//! Fits the weights of the ranking to citations and dismissals.

use std::collections::{HashMap, HashSet};

use futures::FutureExt as _;

use crate::kernel::{Error, Message, Result, TicketId, boxed, days};
use crate::knowledge;
use crate::recommend::decide::{self, FittedWeights};
use crate::recommend::model::{CASE, LEARN_EVERY, Question, RecommendEvent, SOLVED, Suggestion};
use crate::recommend::queries::{Ranking, rank};
use crate::recommend::store;
use crate::runtime::jobs::{Job, Next, SendAttempt};
use crate::runtime::ports::Outcome;
use crate::runtime::{Ctx, Tx};
use crate::tickets;
use crate::tickets::model::Ticket;

/// The most tickets used, those with the latest citations.
const TICKETS_MAX: u64 = 400;
/// The oldest feedback used, because products and wording change.
const SINCE_DAYS: u64 = 180;
/// Candidates per ticket.
const CANDIDATES: usize = 50;
/// Cases per statement that looks up cards.
const FOUND_MAX: usize = 500;

/// Begins fitting: everything is read and computed outside a transaction.
#[boxed]
pub async fn begin_learning(tx: &mut Tx, _: &Job) -> Result<SendAttempt> {
    let cx = tx.cx.clone();
    let fitting = async move {
        match fit(&cx).await.and_then(|fitted| serde_json::to_value(fitted).map_err(Error::internal)) {
            Ok(fitted) => Outcome::Completed(fitted),
            Err(error) => Outcome::Rejected { why: Message::plain(error.to_string()) },
        }
    };
    Ok(SendAttempt::Send(fitting.boxed()))
}

/// Completes fitting: stores the weights; every node uses them from now on.
#[boxed]
pub async fn complete_learning(tx: &mut Tx, _: &Job, outcome: Outcome) -> Result<Next> {
    let fitted: Option<FittedWeights> = match outcome {
        Outcome::Completed(found) => serde_json::from_value(found).map_err(Error::internal)?,
        other => return Err(Error::internal(format!("nothing was learned: {other:?}"))),
    };
    if let Some(fitted) = fitted {
        store::insert_fitted_weights(tx.conn(), &fitted, tx.now).await?;
        let FittedWeights { questions, used, .. } = fitted;
        tx.record(RecommendEvent::RankingLearned { questions, used }).await?;
    }
    Ok(Next::At(tx.now + LEARN_EVERY))
}

/// A ticket with its suggestions and the hits it gets now.
struct TrainingQuery {
    suggestions: HashMap<TicketId, Suggestion>,
    hits: Vec<search::Hit>,
}

/// `None`: too few tickets.
async fn fit(cx: &Ctx) -> Result<Option<FittedWeights>> {
    let since = cx.now() - days(SINCE_DAYS);
    let suggestions = store::cited_since(cx.read(), since, TICKETS_MAX).await?;
    if suggestions.len() < decide::QUESTIONS_MIN {
        return Ok(None);
    }
    let ids: Vec<TicketId> = suggestions.keys().copied().collect();
    let tickets = tickets::queries::by_ids(cx.read(), &ids).await?;
    let index = cx.app.index.clone();
    let search = move || run_queries(&index, suggestions, tickets);
    let queries = tokio::task::spawn_blocking(search).await.map_err(Error::internal)??;
    let found: HashSet<TicketId> = queries.iter().flat_map(|of| &of.hits).map(|hit| TicketId(hit.id)).collect();
    let found: Vec<TicketId> = found.into_iter().collect();
    let solved_at = store::solved_at(cx.read(), &found).await?;
    let mut cards = HashMap::new();
    for ids in found.chunks(FOUND_MAX) {
        cards.extend(knowledge::queries::live_cards_of(cx.read(), ids).await?);
    }
    let choices: Vec<search::TrainingExample> = queries
        .iter()
        .map(|TrainingQuery { suggestions, hits }| decide::choice(suggestions, hits, &solved_at, &cards))
        .collect();
    tokio::task::spawn_blocking(move || decide::fit_weights(&choices, &search::Weights::DEFAULT))
        .await
        .map_err(Error::internal)
}

/// In order of time, which is the order of ids.
fn run_queries(
    index: &search::Index,
    suggestions: HashMap<TicketId, Vec<Suggestion>>,
    tickets: HashMap<TicketId, Ticket>,
) -> Result<Vec<TrainingQuery>> {
    let mut queries = Vec::with_capacity(tickets.len());
    let mut tickets: Vec<Ticket> = tickets.into_values().collect();
    tickets.sort_unstable_by_key(|ticket| ticket.id);
    let ranking = Ranking { limit: CANDIDATES, floor: 0.0, weights: search::Weights::DEFAULT };
    let clause = search::Clause { all_of: vec![SOLVED.to_owned()], any_of: vec![vec![CASE.to_owned()]] };
    for ticket in &tickets {
        let of_ticket = suggestions.get(&ticket.id).into_iter().flatten().map(|of| (of.case, of.clone())).collect();
        let (vector, exclude) = (index.vector(ticket.id.0), HashSet::from([ticket.id.0]));
        let now = ticket.times.created_at.millis();
        let hits = rank(index, &Question::of(ticket), vector.as_ref(), now, &clause, &exclude, ranking)?;
        queries.push(TrainingQuery { suggestions: of_ticket, hits });
    }
    Ok(queries)
}
