//! Rules of the house that no compiler knows.

mod embedded;
mod layers;
mod links;
mod source;
mod tracked;
