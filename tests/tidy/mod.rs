//! Rules of the house that no compiler knows.

mod embedded;
mod layers;
mod line_length;
mod links;
mod source;
mod tracked;
mod vocabulary;
