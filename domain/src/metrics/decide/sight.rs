//! Whom the columns show what: the same decision as `rights::Scope::sees`, by codes. A test ties the two.

use std::collections::HashSet;

use super::super::model::{Columns, Dimension, Key, Selection};
use crate::kernel::TicketId;
use crate::tickets::decide::rights::{Grant, Scope};

/// Which places of the columns somebody's figures count.
pub struct Sight<'c> {
    columns: &'c Columns,
    grants: Option<Grants>,
    only: Vec<(&'c [u32], u32)>,
    /// Asks for a value that no ticket has.
    nothing: bool,
}

/// Codes by which a ticket is seen: of each dimension whether a code shows it.
struct Grants {
    shown: Vec<(Dimension, Vec<bool>)>,
    requester: Option<u32>,
    places: HashSet<u32>,
}

impl<'c> Sight<'c> {
    /// `participating`: the tickets in which the viewer takes part.
    pub fn of(columns: &'c Columns, scope: &Scope, participating: &[TicketId], selection: &Selection) -> Self {
        let grants = scope.grants().map(|grants| {
            let mut all = Grants { shown: Vec::new(), requester: None, places: HashSet::new() };
            for grant in grants {
                let (dimension, key) = match grant {
                    Grant::Team(team) => (Dimension::Team, Key::Id(team.0)),
                    Grant::NoTeam => (Dimension::Team, Key::None),
                    Grant::Assignee(user) => (Dimension::Agent, Key::Id(user.0)),
                    Grant::Customer(customer) => (Dimension::Customer, Key::Id(customer.0)),
                    Grant::Product(product) => (Dimension::Product, Key::Word(product.as_str().into())),
                    Grant::Requester(user) => {
                        all.requester = columns.requester_code(user.0);
                        continue;
                    }
                    Grant::Participant(_) => {
                        all.places = participating.iter().filter_map(|ticket| columns.place(*ticket)).collect();
                        continue;
                    }
                };
                if let Some(code) = columns.code(dimension, &key) {
                    all.show(columns, dimension, code);
                }
            }
            all
        });
        let mut sight = Self { columns, grants, only: Vec::new(), nothing: false };
        for (dimension, key) in &selection.only {
            match columns.code(*dimension, key) {
                Some(code) => sight.only.push((columns.codes(*dimension), code)),
                None => sight.nothing = true,
            }
        }
        sight
    }

    pub fn counts(&self, place: usize) -> bool {
        !self.nothing
            && self.only.iter().all(|(codes, code)| codes[place] == *code)
            && self.grants.as_ref().is_none_or(|grants| grants.see(self.columns, place))
    }
}

impl Grants {
    fn show(&mut self, columns: &Columns, dimension: Dimension, code: u32) {
        let of = match self.shown.iter().position(|(of, _)| *of == dimension) {
            Some(place) => place,
            None => {
                self.shown.push((dimension, vec![false; columns.values(dimension)]));
                self.shown.len() - 1
            }
        };
        self.shown[of].1[code as usize] = true;
    }

    fn see(&self, columns: &Columns, place: usize) -> bool {
        self.shown.iter().any(|(dimension, shown)| shown[columns.codes(*dimension)[place] as usize])
            || self.requester.is_some_and(|code| columns.requesters()[place] == code)
            || u32::try_from(place).is_ok_and(|place| self.places.contains(&place))
    }
}
