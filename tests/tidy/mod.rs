//! Rules of the house that no compiler knows.

mod layers;
mod source;
mod tracked;
