mod case;
mod documentation;
mod operators;
