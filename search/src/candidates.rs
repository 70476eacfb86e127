//! The best documents of a union of terms, within a clause.
//!
//! tantivy skips documents that cannot be among the best (block-max WAND) only in a plain union of terms; with a clause
//! in the same query it would score every document of every term. So the union runs alone, and the clause filters the
//! documents that score high enough. Where the clause is selective, skipping would never begin: there the clause drives
//! the iteration. Both ways find the same documents.

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
use crate::statistics::Statistics;
use crate::vectors::VectorQuery;

/// A clause that matches fewer than one document in so many is selective.
pub(crate) const SELECTIVE_SHARE: u64 = 20;

/// An exact term, without frequencies.
pub(crate) fn exact_term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

/// The query as a filter, without a score.
pub(crate) fn unscored(query: Box<dyn Query>) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, 0.0))
}

/// The clause as unscored parts of a query; empty where it matches everything.
pub(crate) fn clause_parts(tags: Field, clause: &Clause) -> Vec<(Occur, Box<dyn Query>)> {
    let Clause { all_of, any_of } = clause;
    let tag = |tag: &String| exact_term(Term::from_field_text(tags, tag));
    let mut parts: Vec<(Occur, Box<dyn Query>)> = all_of.iter().map(|t| (Occur::Must, unscored(tag(t)))).collect();
    for any in any_of {
        let one: Box<dyn Query> = if any.is_empty() {
            Box::new(EmptyQuery)
        } else {
            Box::new(BooleanQuery::union(any.iter().map(tag).collect()))
        };
        parts.push((Occur::Must, unscored(one)));
    }
    parts
}

/// Reads the ids of a segment's documents.
pub(crate) struct IdColumns {
    high: Column<u64>,
    low: Column<u64>,
}

impl IdColumns {
    pub fn of(segment: &SegmentReader) -> tantivy::Result<Self> {
        let columns = segment.fast_fields();
        Ok(Self { high: columns.u64(ID_HIGH)?, low: columns.u64(ID_LOW)? })
    }

    pub fn read(&self, doc: DocId) -> Uuid {
        Uuid::from_u64_pair(self.high.first(doc).unwrap_or(0), self.low.first(doc).unwrap_or(0))
    }
}

/// The best documents so far; among equal scores the lower address wins.
struct TopK {
    heap: BinaryHeap<Reverse<(OrderedScore, Reverse<DocAddress>)>>,
    limit: usize,
}

/// A score with a total order.
#[derive(PartialEq)]
struct OrderedScore(Score);

impl Eq for OrderedScore {}

impl PartialOrd for OrderedScore {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for OrderedScore {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl TopK {
    /// The score that a document must exceed.
    fn threshold(&self) -> Score {
        match self.heap.peek() {
            Some(Reverse((OrderedScore(score), ..))) if self.heap.len() >= self.limit => *score,
            _ => Score::MIN,
        }
    }

    fn push(&mut self, score: Score, address: DocAddress) {
        if self.heap.len() >= self.limit {
            self.heap.pop();
        }
        self.heap.push(Reverse((OrderedScore(score), Reverse(address))));
    }
}

/// Filters documents that began no later than `now`.
struct AsOf {
    at: Column<i64>,
    now: i64,
}

impl AsOf {
    fn of(segment: &SegmentReader, now: i64) -> tantivy::Result<Self> {
        Ok(Self { at: segment.fast_fields().i64(AT)?, now })
    }

    fn includes(&self, doc: DocId) -> bool {
        self.at.first(doc).is_none_or(|at| at <= self.now)
    }
}

/// The `limit` documents with the nearest vectors.
pub(crate) fn nearest(
    searcher: &Searcher,
    fields: &Fields,
    vector_query: &VectorQuery<'_>,
    (clause, now): (&Clause, i64),
    limit: usize,
) -> tantivy::Result<Vec<DocAddress>> {
    let parts = clause_parts(fields.tags, clause);
    let clause = if parts.is_empty() { None } else { Some(BooleanQuery::new(parts)) };
    let filter =
        clause.as_ref().map(|clause| clause.weight(EnableScoring::disabled_from_searcher(searcher))).transpose()?;
    let mut within: Vec<(Uuid, DocAddress)> = Vec::new();
    for (ord, segment) in (0_u32..).zip(searcher.segment_readers()) {
        let (ids, as_of, alive) = (IdColumns::of(segment)?, AsOf::of(segment, now)?, segment.alive_bitset());
        let mut collect = |doc: DocId| {
            if alive.is_none_or(|alive| alive.is_alive(doc)) && as_of.includes(doc) {
                within.push((ids.read(doc), DocAddress::new(ord, doc)));
            }
        };
        match &filter {
            None => (0..segment.max_doc()).for_each(&mut collect),
            Some(filter) => {
                let mut filter = filter.scorer(segment, 1.0)?;
                while filter.doc() != TERMINATED {
                    collect(filter.doc());
                    filter.advance();
                }
            }
        }
    }
    Ok(vector_query.nearest(within.into_iter(), limit))
}

/// The `limit` documents with the highest scores.
pub(crate) fn best(
    searcher: &Searcher,
    fields: &Fields,
    statistics: &Statistics,
    terms: Vec<(Occur, Box<dyn Query>)>,
    (clause, now): (&Clause, i64),
    limit: usize,
) -> tantivy::Result<Vec<DocAddress>> {
    let scoring = EnableScoring::enabled_from_statistics_provider(statistics, searcher);
    let union = BooleanQuery::new(terms);
    let pruned = union.weight(scoring)?;
    let parts = clause_parts(fields.tags, clause);
    let clause = if parts.is_empty() { None } else { Some(BooleanQuery::new(parts)) };
    let filter =
        clause.as_ref().map(|clause| clause.weight(EnableScoring::disabled_from_searcher(searcher))).transpose()?;
    let mut clause_first: Option<Box<dyn Weight>> = None;
    let mut best = TopK { heap: BinaryHeap::new(), limit };
    for (ord, segment) in (0_u32..).zip(searcher.segment_readers()) {
        let mut filter: Option<Box<dyn Scorer>> = filter.as_ref().map(|f| f.scorer(segment, 1.0)).transpose()?;
        let is_selective = match &filter {
            Some(filter) if filter.doc() == TERMINATED => continue,
            Some(filter) => {
                u64::from(filter.size_hint()).saturating_mul(SELECTIVE_SHARE) < u64::from(segment.max_doc())
            }
            None => false,
        };
        let weight = match (&clause, is_selective) {
            (Some(clause), true) => {
                filter = None;
                if clause_first.is_none() {
                    let parts: Vec<(Occur, Box<dyn Query>)> =
                        vec![(Occur::Must, unscored(Box::new(clause.clone()))), (Occur::Must, Box::new(union.clone()))];
                    clause_first = Some(BooleanQuery::new(parts).weight(scoring)?);
                }
                clause_first.as_ref().unwrap_or(&pruned)
            }
            _ => &pruned,
        };
        let (alive, as_of) = (segment.alive_bitset(), AsOf::of(segment, now)?);
        weight.for_each_pruning(best.threshold(), segment, &mut |doc, score| {
            let wanted = alive.is_none_or(|alive| alive.is_alive(doc))
                && as_of.includes(doc)
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
