//! Term statistics of the documents within a clause. Scores depend on these alone, so they tell nothing about the words of
//! documents outside of it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tantivy::query::{Bm25StatisticsProvider, BooleanQuery, EnableScoring, Query as _};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet as _, Searcher, SegmentReader, TERMINATED, Term};

use crate::Clause;
use crate::candidates::{SELECTIVE_SHARE, clause_parts};
use crate::generation::{Fields, lock};

/// Clauses whose documents are kept.
const CLAUSES_MAX: usize = 8;
/// Terms whose frequencies are kept for one clause.
const TERMS_MAX: usize = 20_000;
/// The statistics of so many documents are kept for a while after the next commit: a few new ones do not change them, and to read
/// them for every commit would take longer than the queries.
const KEPT_FROM_DOCUMENTS: u64 = 10_000;
const KEPT_FOR: Duration = Duration::from_secs(30);

/// The documents of one segment.
enum SegmentDocuments {
    /// Sorted; fewer than one in [`SELECTIVE_SHARE`].
    Few(Vec<DocId>),
    Many(BitSet),
}

impl SegmentDocuments {
    fn of(documents: Vec<DocId>, max_doc: u32) -> Self {
        if (documents.len() as u64).saturating_mul(SELECTIVE_SHARE) < u64::from(max_doc) {
            return Self::Few(documents);
        }
        let mut set = BitSet::with_max_value(max_doc);
        for doc in documents {
            set.insert(doc);
        }
        Self::Many(set)
    }

    /// How many of them contain the term.
    fn count(&self, segment: &SegmentReader, term: &Term) -> tantivy::Result<u64> {
        if matches!(self, Self::Few(documents) if documents.is_empty()) {
            return Ok(0);
        }
        let postings = segment.inverted_index(term.field())?.read_postings(term, IndexRecordOption::Basic)?;
        let Some(mut postings) = postings else { return Ok(0) };
        let mut count = 0;
        match self {
            Self::Few(documents) => {
                for doc in documents {
                    if postings.doc() < *doc {
                        postings.seek(*doc);
                    }
                    count += u64::from(postings.doc() == *doc);
                }
            }
            Self::Many(set) => {
                while postings.doc() != TERMINATED {
                    count += u64::from(set.contains(postings.doc()));
                    postings.advance();
                }
            }
        }
        Ok(count)
    }
}

/// The documents within a clause, and what is known of their terms.
struct ClauseDocuments {
    clause: Clause,
    /// The view of the index that they belong to.
    searcher: Searcher,
    read_at: Instant,
    /// Of each segment; `None`: all documents.
    segments: Option<Vec<SegmentDocuments>>,
    documents: u64,
    /// Tokens of the fields that are scored.
    words: u64,
    han: u64,
    frequencies: Mutex<HashMap<Term, u64>>,
}

impl ClauseDocuments {
    fn read(searcher: &Searcher, fields: &Fields, clause: &Clause) -> tantivy::Result<Self> {
        let parts = clause_parts(fields.tags, clause);
        let mut found = Self {
            clause: clause.clone(),
            searcher: searcher.clone(),
            read_at: Instant::now(),
            segments: None,
            documents: 0,
            words: 0,
            han: 0,
            frequencies: Mutex::default(),
        };
        if parts.is_empty() {
            found.documents = searcher.total_num_docs()?;
            found.words = searcher.total_num_tokens(fields.words)?;
            found.han = searcher.total_num_tokens(fields.han)?;
            return Ok(found);
        }
        let filter = BooleanQuery::new(parts).weight(EnableScoring::disabled_from_searcher(searcher))?;
        let mut segments = Vec::with_capacity(searcher.segment_readers().len());
        for segment in searcher.segment_readers() {
            let (words, han) =
                (segment.get_fieldnorms_reader(fields.words)?, segment.get_fieldnorms_reader(fields.han)?);
            let (alive, mut matching) = (segment.alive_bitset(), filter.scorer(segment, 1.0)?);
            let mut documents = Vec::new();
            while matching.doc() != TERMINATED {
                let doc = matching.doc();
                if alive.is_none_or(|alive| alive.is_alive(doc)) {
                    documents.push(doc);
                    found.words += u64::from(words.fieldnorm(doc));
                    found.han += u64::from(han.fieldnorm(doc));
                }
                matching.advance();
            }
            found.documents += documents.len() as u64;
            segments.push(SegmentDocuments::of(documents, segment.max_doc()));
        }
        found.segments = Some(segments);
        Ok(found)
    }

    /// Whether they may be used for a query of this view.
    fn is_current(&self, searcher: &Searcher) -> bool {
        let generation = |of: &Searcher| of.generation().generation_id();
        let is_kept = self.documents >= KEPT_FROM_DOCUMENTS && self.read_at.elapsed() < KEPT_FOR;
        is_kept || generation(&self.searcher) == generation(searcher)
    }

    /// The number of documents that contain the term.
    fn frequency(&self, term: &Term) -> tantivy::Result<u64> {
        let searcher = &self.searcher;
        let Some(segments) = &self.segments else { return searcher.doc_freq(term) };
        if let Some(known) = lock(&self.frequencies).get(term) {
            return Ok(*known);
        }
        let mut count = 0;
        for (segment, documents) in searcher.segment_readers().iter().zip(segments) {
            count += documents.count(segment, term)?;
        }
        let mut frequencies = lock(&self.frequencies);
        if frequencies.len() >= TERMS_MAX {
            frequencies.clear();
        }
        frequencies.insert(term.clone(), count);
        Ok(count)
    }
}

/// Keeps the documents of the latest clauses.
#[derive(Default)]
pub(crate) struct StatisticsCache(Mutex<VecDeque<Arc<ClauseDocuments>>>);

impl StatisticsCache {
    fn documents(
        &self,
        searcher: &Searcher,
        fields: &Fields,
        clause: &Clause,
    ) -> tantivy::Result<Arc<ClauseDocuments>> {
        let known = lock(&self.0).iter().find(|one| one.clause == *clause && one.is_current(searcher)).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let read = Arc::new(ClauseDocuments::read(searcher, fields, clause)?);
        let mut kept = lock(&self.0);
        kept.retain(|one| one.clause != *clause && one.is_current(searcher));
        kept.truncate(CLAUSES_MAX - 1);
        kept.push_front(read.clone());
        Ok(read)
    }
}

/// The statistics of one query.
pub(crate) struct Statistics {
    fields: [(Field, u64); 2],
    pub documents: u64,
    frequencies: HashMap<Term, u64>,
}

impl Statistics {
    /// Of these terms, among the documents within the clause.
    pub fn of(
        searcher: &Searcher,
        fields: &Fields,
        cache: &StatisticsCache,
        clause: &Clause,
        terms: impl IntoIterator<Item = Term>,
    ) -> tantivy::Result<Self> {
        let within = cache.documents(searcher, fields, clause)?;
        let frequencies = terms.into_iter().map(|term| {
            let frequency = within.frequency(&term)?;
            Ok((term, frequency))
        });
        Ok(Self {
            fields: [(fields.words, within.words), (fields.han, within.han)],
            documents: within.documents,
            frequencies: frequencies.collect::<tantivy::Result<_>>()?,
        })
    }

    /// The number of documents that contain the term; 0 for one that was not asked for.
    pub fn frequency(&self, term: &Term) -> u64 {
        self.frequencies.get(term).copied().unwrap_or(0)
    }

    /// The number of tokens of a field that is scored.
    pub fn tokens(&self, field: Field) -> u64 {
        self.fields.iter().find(|(of, _)| *of == field).map_or(0, |(_, tokens)| *tokens)
    }
}

/// The scores by which tantivy selects candidates.
impl Bm25StatisticsProvider for Statistics {
    fn total_num_tokens(&self, field: Field) -> tantivy::Result<u64> {
        Ok(self.tokens(field))
    }

    fn total_num_docs(&self) -> tantivy::Result<u64> {
        Ok(self.documents)
    }

    fn doc_freq(&self, term: &Term) -> tantivy::Result<u64> {
        Ok(self.frequency(term))
    }
}
