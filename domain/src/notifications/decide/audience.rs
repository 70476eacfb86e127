//! Who hears of what happens to a ticket, and how.

use crate::notifications::model::Cause;
use crate::tickets::model::{Fact, ParticipantReason, TicketEvent, Visibility};

/// What happens to a ticket, as far as somebody hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    Created,
    Assigned,
    Accepted,
    /// It waits for its requester.
    WaitingSet,
    Resumed,
    /// A public comment by staff.
    Replied,
    /// A public comment by the requester's side.
    RequesterReplied,
    NoteAdded,
    Resolved,
    Closed,
    Reopened,
    Cancelled,
    Chased,
    Mentioned,
    /// A field was changed.
    Changed,
    /// A number of another system was added or removed.
    Linked,
    /// Another system reported a status that needs a person.
    ReportPending,
}

/// Who hears of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    Requester,
    /// Whoever acts for the assignee; without one, the supervisors of the team.
    Responsible,
    /// Whoever had the ticket until now.
    FormerAssignee,
    Followers,
    Mentioned,
}

/// How they hear of it, if they have chosen nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By the channel that they use, then the next one until one works.
    Preferred,
    /// In the web app.
    App,
}

/// One row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    pub of: Happening,
    pub who: Person,
    pub cause: Cause,
    pub way: Way,
}

const fn rule(of: Happening, who: Person, cause: Cause, way: Way) -> Rule {
    Rule { of, who, cause, way }
}

/// The table: each row is one message. Nobody is told of their own act, and everybody once.
pub const RULES: &[Rule] = {
    use Happening as H;
    use Person as P;
    use Way::{App, Preferred};
    &[
        rule(H::Created, P::Requester, Cause::Receipt, Preferred),
        rule(H::Assigned, P::Responsible, Cause::Assigned, Preferred),
        rule(H::Assigned, P::FormerAssignee, Cause::Updated, App),
        rule(H::Assigned, P::Requester, Cause::Progress, Preferred),
        rule(H::Assigned, P::Followers, Cause::Updated, App),
        rule(H::Accepted, P::Requester, Cause::Progress, Preferred),
        rule(H::Accepted, P::FormerAssignee, Cause::Updated, App),
        rule(H::Accepted, P::Followers, Cause::Updated, App),
        rule(H::WaitingSet, P::Requester, Cause::Waiting, Preferred),
        rule(H::WaitingSet, P::Followers, Cause::Updated, App),
        rule(H::Resumed, P::Responsible, Cause::Updated, App),
        rule(H::Resumed, P::Followers, Cause::Updated, App),
        rule(H::Replied, P::Requester, Cause::Comment, Preferred),
        rule(H::Replied, P::Responsible, Cause::Comment, Preferred),
        rule(H::Replied, P::Followers, Cause::Comment, Preferred),
        rule(H::RequesterReplied, P::Responsible, Cause::Comment, Preferred),
        rule(H::RequesterReplied, P::Requester, Cause::Comment, Preferred),
        rule(H::RequesterReplied, P::Followers, Cause::Comment, Preferred),
        rule(H::NoteAdded, P::Responsible, Cause::Comment, Preferred),
        rule(H::NoteAdded, P::Followers, Cause::Comment, Preferred),
        rule(H::Resolved, P::Requester, Cause::Resolved, Preferred),
        rule(H::Resolved, P::Responsible, Cause::Updated, App),
        rule(H::Resolved, P::Followers, Cause::Resolved, Preferred),
        // The requester is asked how it was, by the survey.
        rule(H::Closed, P::Followers, Cause::Updated, App),
        rule(H::Reopened, P::Responsible, Cause::Reopened, Preferred),
        rule(H::Reopened, P::Requester, Cause::Reopened, Preferred),
        rule(H::Reopened, P::Followers, Cause::Reopened, Preferred),
        rule(H::Cancelled, P::Responsible, Cause::Cancelled, Preferred),
        rule(H::Cancelled, P::Requester, Cause::Cancelled, Preferred),
        rule(H::Cancelled, P::Followers, Cause::Cancelled, Preferred),
        rule(H::Chased, P::Responsible, Cause::Chased, Preferred),
        rule(H::Mentioned, P::Mentioned, Cause::Mention, Preferred),
        rule(H::Changed, P::Responsible, Cause::Updated, App),
        rule(H::Changed, P::Followers, Cause::Updated, App),
        rule(H::Linked, P::Followers, Cause::Updated, App),
        rule(H::ReportPending, P::Responsible, Cause::PendingReport, Preferred),
    ]
};

/// What an event is in the table. `Err`: nobody is told of it, for this reason.
pub fn happening(event: &TicketEvent, by_staff: bool) -> Result<Happening, &'static str> {
    if event.history.is_some() {
        return Err("imported history is no news");
    }
    Ok(match &event.fact {
        Fact::Created { .. } => Happening::Created,
        Fact::Assigned { .. } => Happening::Assigned,
        Fact::Accepted => Happening::Accepted,
        Fact::WaitingSet { .. } => Happening::WaitingSet,
        Fact::Resumed if by_staff => Happening::Resumed,
        Fact::Resumed => return Err("the reply that resumed it is told"),
        Fact::Commented { visibility: Visibility::Internal, .. } => Happening::NoteAdded,
        Fact::Commented { .. } if by_staff => Happening::Replied,
        Fact::Commented { .. } => Happening::RequesterReplied,
        Fact::Resolved { .. } => Happening::Resolved,
        Fact::Closed { .. } => Happening::Closed,
        Fact::Reopened { .. } => Happening::Reopened,
        Fact::Cancelled { .. } => Happening::Cancelled,
        Fact::Chased => Happening::Chased,
        Fact::ParticipantAdded { reason: ParticipantReason::Mentioned, .. } => Happening::Mentioned,
        Fact::Updated { .. } => Happening::Changed,
        Fact::Linked { .. } | Fact::Unlinked { .. } | Fact::ReferenceMoved { .. } => Happening::Linked,
        Fact::ReportPending { .. } => Happening::ReportPending,
        Fact::Imported { .. } | Fact::HistoryNoted { .. } => return Err("imported history is no news"),
        Fact::Opened => return Err("that somebody reads a ticket asks nobody to act"),
        Fact::Attributed { .. } => return Err("it completes or corrects what was told with the resolution"),
        Fact::Redacted { .. } => return Err("a message would repeat what was removed"),
        Fact::ParticipantAdded { .. } | Fact::ParticipantRemoved { .. } => return Err("it is their own act"),
        Fact::LinksRevoked => return Err("the holder of a stolen link would hear of it"),
        Fact::ReportSettled => return Err("the change that settled it is told"),
        Fact::Other(_) => return Err("the capability that records it tells of it"),
    })
}
