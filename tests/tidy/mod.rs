//! Rules of the house that no compiler knows.

mod embedded;
mod layers;
mod source;
mod tracked;
