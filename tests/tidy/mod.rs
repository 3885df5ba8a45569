//! Rules of this project that the compiler does not check.

mod circles;
mod embedded;
mod layers;
mod line_length;
mod links;
mod retired_texts;
mod source;
mod tracked;
mod vocabulary;
