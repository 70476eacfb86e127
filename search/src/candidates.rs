//! The best documents of a union of terms, within a clause.
//!
//! tantivy skips what cannot be among the best (block-max WAND) only in a bare union of terms: with a clause in the
//! same query it would look at every document of every term. So the union runs bare, and the clause is asked only for
//! the documents that are good enough. Where a clause lets few documents through, the skipping would never begin; there
//! the clause leads. Both ways find the same documents.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use tantivy::columnar::Column;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, EmptyQuery, EnableScoring, Occur, Query, Scorer, TermQuery, Weight,
};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocAddress, DocId, DocSet as _, Score, Searcher, SegmentReader, TERMINATED, Term};
use uuid::Uuid;

use crate::Clause;
use crate::generation::{AT, Fields, ID_HIGH, ID_LOW};
use crate::vectors::Viewpoint;

/// A clause that lets through fewer than one document in so many leads.
const SELECTIVE_FROM: u64 = 20;

/// A term that must be there to the letter, however often.
pub(crate) fn exact(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// The query as a filter: it adds nothing to a score.
pub(crate) fn uncounted(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

/// The clause as parts of a query, none of which count; none where it lets everything through.
pub(crate) fn clause_parts(tags: Field, clause: &Clause) -> Vec<(Occur, Box<dyn Query>)> {
    let Clause { all_of, any_of } = clause;
    let tag = |tag: &String| exact(Term::from_field_text(tags, tag));
    let mut parts: Vec<(Occur, Box<dyn Query>)> = all_of.iter().map(|t| (Occur::Must, uncounted(tag(t)))).collect();
    for any in any_of {
        let one: Box<dyn Query> = if any.is_empty() {
            Box::new(EmptyQuery)
        } else {
            Box::new(BooleanQuery::union(any.iter().map(tag).collect()))
        };
        parts.push((Occur::Must, uncounted(one)));
    }
    parts
}

/// Reads the ids of a segment's documents.
pub(crate) struct Ids {
    high: Column<u64>,
    low: Column<u64>,
}

impl Ids {
    pub fn of(segment: &SegmentReader) -> tantivy::Result<Self> {
        let columns = segment.fast_fields();
        Ok(Self { high: columns.u64(ID_HIGH)?, low: columns.u64(ID_LOW)? })
    }

    pub fn read(&self, doc: DocId) -> Uuid {
        Uuid::from_u64_pair(self.high.first(doc).unwrap_or(0), self.low.first(doc).unwrap_or(0))
    }
}

/// The best documents so far; of equal ones those of the lower address.
struct Best {
    heap: BinaryHeap<Reverse<(Ranked, Reverse<DocAddress>)>>,
    limit: usize,
}

/// A score in its total order.
#[derive(PartialEq)]
struct Ranked(Score);

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl Best {
    /// What a document must exceed.
    fn threshold(&self) -> Score {
        match self.heap.peek() {
            Some(Reverse((Ranked(score), ..))) if self.heap.len() >= self.limit => *score,
            _ => Score::MIN,
        }
    }

    fn push(&mut self, score: Score, address: DocAddress) {
        if self.heap.len() >= self.limit {
            self.heap.pop();
        }
        self.heap.push(Reverse((Ranked(score), Reverse(address))));
    }
}

/// Whether documents of a segment had begun.
struct Begun {
    at: Column<i64>,
    now: i64,
}

impl Begun {
    fn of(segment: &SegmentReader, now: i64) -> tantivy::Result<Self> {
        Ok(Self { at: segment.fast_fields().i64(AT)?, now })
    }

    fn holds(&self, doc: DocId) -> bool {
        self.at.first(doc).is_none_or(|at| at <= self.now)
    }
}

/// The `limit` documents whose vectors lie nearest.
pub(crate) fn nearest(
    searcher: &Searcher,
    fields: &Fields,
    asked: &Viewpoint<'_>,
    (clause, now): (&Clause, i64),
    limit: usize,
) -> tantivy::Result<Vec<DocAddress>> {
    let parts = clause_parts(fields.tags, clause);
    let clause = if parts.is_empty() { None } else { Some(BooleanQuery::new(parts)) };
    let filter =
        clause.as_ref().map(|clause| clause.weight(EnableScoring::disabled_from_searcher(searcher))).transpose()?;
    let mut within: Vec<(Uuid, DocAddress)> = Vec::new();
    for (ord, segment) in (0_u32..).zip(searcher.segment_readers()) {
        let (ids, begun, alive) = (Ids::of(segment)?, Begun::of(segment, now)?, segment.alive_bitset());
        let mut take = |doc: DocId| {
            if alive.is_none_or(|alive| alive.is_alive(doc)) && begun.holds(doc) {
                within.push((ids.read(doc), DocAddress::new(ord, doc)));
            }
        };
        match &filter {
            None => (0..segment.max_doc()).for_each(&mut take),
            Some(filter) => {
                let mut filter = filter.scorer(segment, 1.0)?;
                while filter.doc() != TERMINATED {
                    take(filter.doc());
                    filter.advance();
                }
            }
        }
    }
    Ok(asked.nearest(within.into_iter(), limit))
}

/// The `limit` documents that a union of scored terms ranks first.
pub(crate) fn best(
    searcher: &Searcher,
    fields: &Fields,
    terms: Vec<(Occur, Box<dyn Query>)>,
    (clause, now): (&Clause, i64),
    limit: usize,
) -> tantivy::Result<Vec<DocAddress>> {
    let scoring = EnableScoring::enabled_from_searcher(searcher);
    let union = BooleanQuery::new(terms);
    let pruned = union.weight(scoring)?;
    let parts = clause_parts(fields.tags, clause);
    let clause = if parts.is_empty() { None } else { Some(BooleanQuery::new(parts)) };
    let filter =
        clause.as_ref().map(|clause| clause.weight(EnableScoring::disabled_from_searcher(searcher))).transpose()?;
    let mut led: Option<Box<dyn Weight>> = None;
    let mut best = Best { heap: BinaryHeap::new(), limit };
    for (ord, segment) in (0_u32..).zip(searcher.segment_readers()) {
        let mut filter: Option<Box<dyn Scorer>> = filter.as_ref().map(|f| f.scorer(segment, 1.0)).transpose()?;
        let leads = match &filter {
            Some(filter) if filter.doc() == TERMINATED => continue,
            Some(filter) => u64::from(filter.size_hint()).saturating_mul(SELECTIVE_FROM) < u64::from(segment.max_doc()),
            None => false,
        };
        let weight = match (&clause, leads) {
            (Some(clause), true) => {
                filter = None;
                if led.is_none() {
                    let parts: Vec<(Occur, Box<dyn Query>)> = vec![
                        (Occur::Must, uncounted(Box::new(clause.clone()))),
                        (Occur::Must, Box::new(union.clone())),
                    ];
                    led = Some(BooleanQuery::new(parts).weight(scoring)?);
                }
                led.as_ref().unwrap_or(&pruned)
            }
            _ => &pruned,
        };
        let (alive, begun) = (segment.alive_bitset(), Begun::of(segment, now)?);
        weight.for_each_pruning(best.threshold(), segment, &mut |doc, score| {
            let wanted = alive.is_none_or(|alive| alive.is_alive(doc))
                && begun.holds(doc)
                && filter
                    .as_mut()
                    .is_none_or(|filter| filter.doc() == doc || (filter.doc() < doc && filter.seek(doc) == doc));
            if wanted {
                best.push(score, DocAddress::new(ord, doc));
            }
            best.threshold()
        })?;
    }
    Ok(best.heap.into_iter().map(|Reverse((_, Reverse(address)))| address).collect())
}
