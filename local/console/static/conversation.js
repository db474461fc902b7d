// The page with the phone, the run beside it, and the tour.
import "./chat.js";
import "./run.js";
import "./tour.js";
