//! Knowledge gaps: where first-time resolution stays low.

use std::collections::{HashMap, HashSet};

use sea_orm::{ColumnTrait, Condition};

use super::{IDS_MAX, check, within_scope};
use crate::calendar::model::Organisation;
use crate::kernel::{Result, TicketId, boxed};
use crate::knowledge;
use crate::metrics;
use crate::metrics::decide::{interval_at, previous_interval};
use crate::metrics::model::{
    Dimension, Interval, Key, Metric, Outcome, Period, Selection, Settings as Metrics, Split, Tally,
};
use crate::reports;
use crate::reports::model::{Cause, GAP_WEEKS, Gap, TOPICS_MAX, Topic};
use crate::reports::store;
use crate::runtime::Ctx;
use crate::tickets::store::entities::ticket;

/// The dimensions in which gaps are searched.
const DIMENSIONS: [Dimension; 2] = [Dimension::Team, Dimension::IssueType];

/// The last whole weeks in which every resolution has stood its test, the earliest first; `None`: outside the calendar's range.
pub fn weeks(cx: &Ctx) -> Option<Vec<Period>> {
    let zone = &cx.app.state::<Organisation>().zone;
    let mut weeks = Vec::with_capacity(GAP_WEEKS);
    let closed = cx.now() - cx.app.state::<Metrics>().reopened_within();
    let mut week = interval_at(closed, Interval::Week, zone)?;
    for _ in 0..GAP_WEEKS {
        week = previous_interval(week, Interval::Week, zone)?;
        weeks.push(week);
    }
    weeks.reverse();
    Some(weeks)
}

/// Knowledge gaps within what the viewer may see: teams and issue types whose first-time resolution was below target in each of the
/// last whole weeks. Only closed windows count.
#[boxed]
pub async fn gaps(cx: &Ctx) -> Result<Vec<Gap>> {
    check(cx)?;
    let Some(weeks) = weeks(cx) else { return Ok(Vec::new()) };
    let target = cx.app.state::<reports::model::Settings>().knowledge_gap_below;
    let small_sample = cx.app.state::<Metrics>().small_sample;
    let causes_with_card = knowledge::queries::causes_with_card(cx.read()).await?;
    let mut gaps = Vec::new();
    for dimension in DIMENSIONS {
        let mut low: HashMap<Key, Vec<(Period, Tally)>> = HashMap::new();
        for period in &weeks {
            let selection = Selection { period: *period, only: Vec::new() };
            for group in metrics::queries::aggregates(cx, &selection, Split::By(dimension)).await? {
                let tally = group.aggregates.first_time_resolution;
                if group.key != Key::None && tally.value().is_some_and(|share| share < target) {
                    low.entry(group.key).or_default().push((*period, tally));
                }
            }
        }
        let mut low_every_week: Vec<(Key, Vec<(Period, Tally)>)> =
            low.into_iter().filter(|(_, low)| low.len() == weeks.len()).collect();
        low_every_week.sort_by(|(a, _), (b, _)| a.cmp(b));
        for (key, weeks) in low_every_week {
            let (mut topics, unattributed) = topics(cx, dimension, &key, &weeks, &causes_with_card).await?;
            let topic_count = topics.len();
            topics.truncate(TOPICS_MAX);
            let ticket_count = weeks.iter().map(|(_, tally)| tally.denominator()).sum();
            let is_small_sample = ticket_count < small_sample;
            gaps.push(Gap { dimension, key, weeks, ticket_count, is_small_sample, unattributed, topic_count, topics });
        }
    }
    Ok(gaps)
}

/// The causes without a card, and the number of tickets without attribution.
async fn topics(
    cx: &Ctx,
    dimension: Dimension,
    key: &Key,
    weeks: &[(Period, Tally)],
    causes_with_card: &HashSet<(String, String, Option<String>, Option<String>)>,
) -> Result<(Vec<Topic>, u64)> {
    let (Some((first, _)), Some((last, _))) = (weeks.first(), weeks.last()) else { return Ok((Vec::new(), 0)) };
    let period = Period { from: first.from, to: last.to };
    let selection = Selection { period, only: vec![(dimension, key.clone())] };
    let missed = metrics::queries::drill_down_all(cx, &selection, Metric::FirstTimeResolution, Outcome::Missed).await?;
    let ids: Vec<TicketId> = missed.iter().map(|(_, ticket)| *ticket).collect();
    let mut causes: HashMap<TicketId, Option<Cause>> = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(IDS_MAX) {
        let of = within_scope(cx)
            .add(ticket::Column::Id.is_in(ids.iter().copied()))
            .add(ticket::Column::FirstResolvedAt.is_not_null());
        causes.extend(store::facts(cx.read(), &of).await?.into_iter().map(|fact| (fact.ticket, fact.cause)));
    }
    let has_card = |cause: &Cause| {
        let Cause { fault_type, root_cause_level, cause_tag, product } = cause.clone();
        causes_with_card.contains(&(
            fault_type.as_str().to_owned(),
            root_cause_level.as_str().to_owned(),
            cause_tag,
            product,
        ))
    };
    let mut topics: HashMap<Cause, Vec<TicketId>> = HashMap::new();
    let mut unattributed = 0;
    for id in ids {
        match causes.remove(&id).flatten() {
            None => unattributed += 1,
            Some(cause) if has_card(&cause) => {}
            Some(cause) => topics.entry(cause).or_default().push(id),
        }
    }
    let mut topics: Vec<Topic> = topics.into_iter().map(|(cause, tickets)| Topic { cause, tickets }).collect();
    topics.sort_by(|a, b| b.tickets.len().cmp(&a.tickets.len()).then_with(|| a.cause.cmp(&b.cause)));
    Ok((topics, unattributed))
}

/// The condition for tickets of a team or issue type.
pub fn of_key(dimension: Dimension, key: &Key) -> Option<Condition> {
    match (dimension, key) {
        (Dimension::Team, Key::Id(team)) => {
            Some(Condition::all().add(ticket::Column::TeamId.eq(crate::kernel::TeamId(*team))))
        }
        (Dimension::IssueType, Key::Word(word)) => {
            Some(Condition::all().add(ticket::Column::IssueType.eq(word.as_ref())))
        }
        _ => None,
    }
}
