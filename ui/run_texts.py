"""Every sentence about a run, once there is one. Nothing here computes anything."""

# What can be done with it
STOP = "Stop and keep"
LEAVE_QUEUE = "Leave the line"
PAUSE = "Pause"
CONTINUE = "Continue"
CONTINUE_LEFT = "Continue, {left} left"
START_AGAIN = "Start again with the same pictures"
USE = "Use it in Generate"
DOWNLOAD_RUN = "Download (zip)"
PACKING = "Packing …"
FROM_MODEL = "New run from this model"
AGAIN = "Train another"
MORE_MINUTES = "More minutes"
MORE_MINUTES_INFO = "From {low:g}; at most {high:g} in one go."
ADD_TIME = "Add them"
TRAIN_ON = "Train on for so long"
FORGET = "Delete this run"
FORGET_ASK = "Delete it for good, with its pictures and its model?"
FORGET_YES, FORGET_NO = "Delete for good", "Keep it"

# Its link
LINK = "Link to this run"
LINK_INFO = "Opens it on any device. Whoever has it can watch, change and delete the run."
COPY, COPIED = "Copy link", "Copied"
LINK_GONE = (
    "The run in this link is not here. It was deleted, or the link is not whole; runs are deleted"
    " after {hours:g} hours. You can start a new one."
)

# What is seen
BEFORE, AFTER = "Before", "Now"
BEFORE_ALT, AFTER_ALT = "Sixteen pictures before training", "The same sixteen latents now"
LAPSE = "How it grew"
FRAME = "From the first preview to the newest"
FRAME_ALT = "The same sixteen latents at that moment"
FRAME_AT = "After {shown}"
CHARTS = "Curves"
LOSSES = "Losses of G and D"
SCORES = "D's score: 1 means “real”"
KIDS = "Distance from your pictures: KID × 1000, and its 90 % interval"
VARIETY = "Variety: 1 is as varied as yours; share of yours that are covered"
THOUSANDS = "thousand pictures shown"
MORE = "Details and log"

HEADLINES = {
    "draft": "Ready",
    "queued": "Waiting in line",
    "starting": "Starting",
    "running": "Training",
    "pausing": "Pausing",
    "stopping": "Stopping",
    "paused": "Paused",
    "finished": "Finished",
    "stopped": "Stopped",
    "failed": "Ended early",
    "interrupted": "Interrupted",
}
QUEUED_NEXT = "Yours is next, as soon as one that trains has ended."
QUEUED = "{ahead} runs are before yours."
STARTING = (
    "Loading, and measuring how fast this machine is. This takes some seconds, and a minute where"
    " much else goes on."
)
STOPPING = "Saving what was learnt so far."
STOPPING_EARLY = "It was still loading, and has learnt nothing more. It ends in a moment."
PAUSED = "Saved after {time}. It waits until you let it go on; others may train meanwhile."
PAUSED_EARLY = "Paused before anything was learnt."
CANNOT_BEGIN = "It cannot start yet. {reason} It is tried again by itself."
REFUSED = "{title}: {message}. What was learnt is saved; go on when there is time on the GPU again."
CANNOT_GO_ON = "It cannot go on by itself. {reason}"
FINISHED = "{shown} were shown in {time}. The best model was kept."
FINISHED_HARDLY = "{shown} were shown in {time}, too few to learn from. Give it more minutes."
STOPPED = "Stopped after {time}. The best model so far was kept."
STOPPED_HARDLY = "Stopped after {time} and {shown}, too few to learn from. Give it more minutes."
STOPPED_EARLY = "It was stopped before anything was learnt."
STOPPED_AGAIN = "It was stopped before it learnt anything more. What it had saved before is kept."
PAUSED_AGAIN = "Paused before it learnt anything more. What it had saved before is kept."
INTERRUPTED = "The training process ended unexpectedly."
CAN_GO_ON = "It can go on from what it saved last."
HAS_MODEL = "The last good model was kept."
WAITS_FOR_GPU = "It waits for a GPU."
KEEP_TAB = (
    "Keep this page open: it lends the run your time on the GPU, for less than a minute at a time."
    " If you close it, the run saves and pauses; it goes on from there when you open it again."
)
CLOSE_TAB = "You may close this page; the run goes on, and is here when you come back."
PICTURE, PICTURES, THOUSAND_PICTURES = "1 picture", "{n} pictures", "{kimg:,.1f} thousand pictures"
STATUS = "{shown} shown · {speed:,.0f} a second · {left} left"
PLAN_CHANGED = "Its time was changed since: {minutes} minutes in all."
GROWING = "{side} px, fading in {fade:.0%} · "
GROWN = "{side} px · "
KID = "Distance from your pictures (KID × 1000): {kid}. Lower is closer."
KID_MOVED = (
    "Distance from your pictures (KID × 1000): was {first}, now {kid}; the best was {best}."
    " Lower is closer."
)
KEPT = "Kept: the best of the second half, after {shown}. The preview nearest to it is shown."
MEASURED = (
    "The distance is measured on {n_fake} made and {n_real} real pictures: {low} to {high};"
    " features: {extractor}."
)
PROBE = (
    "This machine: {device}, {dtype}, {layout}, {threads}; {speed:,.0f} images/s in the"
    " probe.{tried}"
)
PROBE_TRIED = " Tried: {tried}."
START_NAME = "Started from: {start}."
LOG_ADJUSTED = "After {shown}: {what}, by {who}."
LOG_VERDICT = "After {shown}: {state}. {evidence}"

BY = {"user": "you", "autopilot": "autopilot"}

# The run doctor
DO_THIS = "Set {what}"
AUTOPILOT = "Autopilot"
AUTOPILOT_INFO = "What the run doctor advises is done by itself, and noted in the log."

# Its settings
HALFLIFE_UNIT = "In thousand pictures shown."
SETTINGS = "Other settings"
SETTINGS_RUNNING = "They take hold at the next step, while it trains."
SETTINGS_ENDED = (
    "Go on from here with them, or begin anew: same pictures, start and time, another seed."
)
APPLY = "Apply"
GO_ON_SO = "Continue with these"
BEGIN_SO = "New run with these"
APPLIED = "It will go on with {what} from its next step on."
MORE_GIVEN = "It may train for {minutes} minutes in all now."
NOTED = "The card in the zip says so now."
NOTHING_CHANGED = "None of the settings was changed."

# What came of it
MEMORISED_FEW = "{share:.0%} of its pictures look like copies of yours."
MEMORISED_MANY = (
    "{share:.0%} of its pictures look like copies of yours: it may repeat what it was shown."
    " Compare before you share it."
)
COMPARE = "Compare with my pictures"
COMPARED = "Each pair: made, and the nearest of yours."
PAIR_ALT = "A picture that was made, and the nearest of those it learned from"
LIKE_A_COPY = "Like a copy."
NEARER = "Nearer than {share:.0%} of yours are to one another."
FARTHER = "Farther than any of yours is from its nearest."
KIND = "What do your pictures show?"
KIND_INFO = "Such as: sunflowers in my garden. It goes onto the card in the zip."
NOTE_KIND = "Put it on the card"
FILM_MP4, FILM_GIF = "Film (MP4)", "Film (GIF)"

# Publishing it
PUBLISH = "Publish on the Hugging Face Hub"
PUBLISH_INFO = (
    "What is in the zip becomes a repository of yours, in one commit. The pictures it learned from"
    " never are among it."
)
PUBLISH_AS = "You publish as {name}."
SIGN_IN, SIGN_OUT = "Sign in with Hugging Face", "Sign out ({})"
LOOKING_FOR_COPIES = "Looking whether it repeats your pictures …"
ASKING_HUB = "Asking the Hugging Face Hub …"
FILMING = "Making films and model card …"
SENDING = "Sending: {done:.1f} of {total:.1f} MB ({share:.0%})"
COMMITTING = "Everything was sent; the Hub makes it a commit …"
NOT_CHECKED = "Not checked for copies: {what}"
REPO, REPO_INFO = "Repository", "owner/name; you may choose an organisation of yours."
SEEN_BY = "Seen by"
SEEN_BY_CHOICES = (("me alone", True), ("everybody", False))
LICENCE = "Licence"
LICENCE_INFO = "What others may do with it. Another of the Hub's names can be typed."
LICENCES = ("cc-by-4.0", "cc-by-sa-4.0", "cc0-1.0", "mit")
LICENCE_KEPT = "Its licence is {licence}, as that of the model it began with demands."
ANYWAY = "Publish it although it seems to repeat my pictures: they may be seen."
ANYWAY_UNCHECKED = "Publish it unchecked: my pictures may be seen."
UPDATE = "Put it in the place of what is there. Its history stays."
PUBLISH_IT = "Publish"
PUBLISHED, UPDATED = "Published", "Updated"
PUBLISHED_AS = "{done}: {link}, as it is now: {name}."
SIGNED_OUT = "You are not signed in."
SIGNED_OUT_EXPECTED = "A model is published in the name of whoever signs in."
SIGNED_OUT_ADVICE = "Sign in with Hugging Face, above."
NOT_OWNER = "This request does not come from the machine that the page runs on, or not directly."
NOT_OWNER_EXPECTED = "Here only the owner of that machine publishes, under its own address."
NOT_OWNER_ADVICE = "Download the zip instead, and upload it yourself."
VISITOR_ADVICE = (
    "Choose another name, or sign out and in again: this page may make repositories for you, and"
    " change those alone that it has made."
)
NO_LICENCE = "No licence was chosen."
NO_LICENCE_EXPECTED = (
    "Who finds the model must know what they may do with it; what it started from, and your"
    " pictures, may forbid some."
)
NO_LICENCE_ADVICE = "Choose one."
REPEATS = "Nothing was published: the model seems to repeat pictures it was shown."
UNCHECKED = "Nothing was published: it was not checked for copies. {what}"
UNCHECKED_ADVICE = "Tick that your pictures may be seen."
REPEATS_EXPECTED = "What is published can be kept by everybody who sees it."
REPEATS_ADVICE = "Compare them first, then tick that they may be seen."
TICK_UPDATE = "Choose another name, or tick below that this one takes its place."
GOING = "This model is being published just now."
GOING_EXPECTED = "That is done once at a time."
GOING_ADVICE = "Wait until it is done."
MANY_GOING = "{n} models are being published just now."
MANY_GOING_EXPECTED = "No more go at the same time."
MANY_GOING_ADVICE = "Try again in a minute."

# Your runs
HISTORY = "Your runs"
NO_HISTORY = "None yet. Those that this browser starts, or opens by a link, are listed here."
OPEN, DELETE = "Open", "Delete"
TITLED = "{kind} · {label}"
AGO = "{time} ago"
PLACE = "{ahead} before it"
KID_KEPT = "KID × 1000: {kid}"

# What can go wrong
NO_RUN = "There is no such run."
NO_RUN_EXPECTED = "A run is kept for {hours:g} hours, and reached only by its own id."
GONE_EXPECTED = "A turn on the GPU belongs to one that was asked for."
NO_RUN_ADVICE = "Start a new one."
UNREADABLE = "What was asked for of this run cannot be read."
UNREADABLE_EXPECTED = "It must be as this version of GAN Atelier writes it."
UNREADABLE_ADVICE = "Delete the run, or open it with the version that wrote it."
UNEXPECTED = "Something went wrong on our side, and it was noted."
QUEUE_FULL = "{waiting} runs are waiting in line."
QUEUE_FULL_EXPECTED = "At most {most} may wait."
QUEUE_FULL_ADVICE = "Try again in a few minutes."
MANY_DRIVEN = "Other runs train here now: {n}, each in its visitor's time."
MANY_DRIVEN_EXPECTED = "At most {most} may."
MANY_DRIVEN_ADVICE = "Nothing is lost: open the page, or call `drive`, again in a few minutes."
NOT_RESUMABLE = "This run cannot be continued."
NOT_RESUMABLE_EXPECTED = "It must have ended, and have saved its state at least once."
NOT_RESUMABLE_ADVICE = "Wait until it ends, or start a new run from its model."
NOT_PAUSABLE = "This run cannot be paused."
NOT_PAUSABLE_EXPECTED = "Only one that waits or trains can."
NOT_PAUSABLE_ADVICE = "It has ended, or is about to: look at what became of it."
NOT_ADJUSTABLE = "This run does not train any more."
NOT_ADJUSTABLE_EXPECTED = "Settings are changed under way only while it trains or waits."
NOT_ADJUSTABLE_ADVICE = "Continue it with the other settings."
NOT_REPEATABLE = "This run's pictures are not here."
NOT_REPEATABLE_EXPECTED = "A new run of the same pictures needs them."
NOT_REPEATABLE_ADVICE = "Drop the pictures again for another run."
NO_MODEL_YET = "This run has kept no model."
NO_MODEL_YET_EXPECTED = "The first is kept when it is first measured, and the best at the end."
NO_MODEL_YET_ADVICE = "Let it run a little longer, or begin anew from the same start."
NOT_PACKABLE = "This run has not ended, or has kept no model."
NOT_PACKABLE_EXPECTED = "Only the model of an ended run is packed."
NOT_PACKABLE_ADVICE = "Wait until it ends, or stop it."
OR_ANEW = "Or begin anew with the same pictures: “New run with these”, under “Other settings”."
TOO_LONG = "That makes {minutes:.4g} minutes in one go."
TOO_LONG_EXPECTED = "It may be at most {most:g}, because others wait in line meanwhile."
TOO_LONG_ADVICE = "Give it fewer now, and more once it has ended."
ALREADY_STARTED = "This run has already been started."
ALREADY_STARTED_EXPECTED = "A set of pictures is trained on once."
ALREADY_STARTED_ADVICE = "Drop the pictures again for another run."
