mod case;
mod documentation;
mod networks;
mod operators;
mod refusals;
mod shared_weights;
