namespace UffdActors.Pictures.History;

/// <summary>When a page came, and why.</summary>
/// <param name="Page">Number of the page, of its region's own size, counted over all regions.</param>
/// <param name="Nanoseconds">Since the run began; 0 if it is not there.</param>
/// <param name="Cause">Why it is there.</param>
/// <param name="State">What was noted of it at the end.</param>
internal readonly record struct PageArrival(long Page, long Nanoseconds, PageCause Cause, PageState State);
