mod case;
mod documentation;
mod held;
mod networks;
mod operators;
mod refusals;
