"""Every sentence the page shows, in one place. Nothing here computes anything."""

from gan_core.hub.resolve import HUB_NAME

TITLE = "GAN Atelier"
SUBTITLE = "Pictures that never were: by a small GAN, by one you train yourself, or painted anew."

# Generate
GENERATE_TAB = "Generate"
MODEL = "Model"
OWN_MODEL = "Yours {number}: {label}"
HUB_MODEL = "Model from the Hub"
HUB_PLACEHOLDER = "owner/repo"
HUB_FETCH = "Fetch"
HUB_ASKING = "Asking the Hugging Face Hub for {name} …"
HUB_COMING = "Fetching {name}: {done:.1f} of {total:.1f} MB ({share:.0%})"
HUB_HERE = "{name} is here: {kind}{size} px."
HUB_CAN_TRAIN = "Training can start from it too: Train, Advanced, Start from."
HUB_ONLY_GENERATES = "It can only make pictures: it has no discriminator that could be trained on."
HUB_BUSY = "{n} models are being fetched just now."
HUB_BUSY_EXPECTED = "No more come at the same time."
HUB_BUSY_ADVICE = "Try again in a minute."
NO_HUB_NAME = "“{name:.80}” is no name of a model on the Hugging Face Hub."
NO_HUB_NAME_EXPECTED = f"It must be {HUB_NAME}."
NO_NETWORK_NAME_ADVICE = "Name a repository that holds what `export-stylenet` writes."
NO_HUB_NAME_ADVICE = "Look for one at huggingface.co/models, or try nateraw/cryptopunks-gan."
COUNT = "How many"
SEED = "Seed"
DICE = "⚄ Roll"
TRUNCATION = "Variety"
TRUNCATION_INFO = "Truncation. Lower: more typical, less varied."
GENERATE = "Generate"
GALLERY = "Pictures"
PICK_HINT = "Choose a picture to keep it."
PICKED = "**Picture {index}** of seed {seed} · {model} · variety {truncation:g}"
PICKED_ALT = "The chosen picture, enlarged"
NEAREST = "Nearest of my pictures"
NEAREST_ALT = "The chosen picture, and the nearest of those that its model learned from"
NEAREST_SAID = "Left: made. Right: the nearest of yours. {how}"
DOWNLOAD_PICTURE = "Picture (PNG)"
DOWNLOAD_LATENT = "Latent (JSON)"
ALL_SCALES = "All sizes of one latent: picture {index} at {sides} px."
ALL_SCALES_ALT = "One picture at every size that the network makes, the smallest first"
FINE_SEED = "Fine styles of seed"
CROSSING = "Crossing"
CROSSING_INFO = "Further left: more of the second. Coarse sides are shapes, fine ones colours."
MIXED = (
    "Styles mixed. Left: picture {index} of seed {seed}. Right: picture 0 of seed {fine}. Middle:"
    " {coarse} px by the left one, {last} px by the right one."
)
MIXED_ALT = (
    "Two pictures, and between them one with coarse styles of the left, fine ones of the right"
)
THREADS = ("1 thread", "{n} threads")
NO_MODEL = "No model is bundled with this copy."
NO_MODEL_EXPECTED = "The folder weights/ should hold at least one."
NO_MODEL_ADVICE = "Train one of your own from scratch, or fetch the weights with the program."
UNNAMED_MODEL = "No model was named."
UNKNOWN_MODEL = "There is no model called “{name:.80}”."
UNKNOWN_MODEL_EXPECTED = (
    "Bundled here: {names}. A run is named by its id, and kept for {hours:g} hours."
)
UNKNOWN_MODEL_ADVICE = "Choose one of these."
FETCH_FIRST = "Choose one of these; a model of the Hub must be fetched first."

# Train: before
TRAIN_TAB = "Train on your pictures"
TRAIN_INTRO = (
    "Drop twenty pictures or more of one kind of thing: faces, flowers, stamps. Every picture is"
    " cropped to a square and made small."
)
RETENTION = (
    "A run is deleted with its pictures {runs:g} hours after its last change; pictures that no run"
    " was started with, {drafts:g} hours after you last touched them. Runs are known to this"
    " browser alone, and to whom you give a run's link."
)
FILES_TAB = "Pictures or a zip"
FOLDER_TAB = "A folder"
FILES = "Pictures, or one zip. New ones replace those before."
FOLDER_CLICK = "Click to choose a folder"
FOLDER = "One folder. A new one replaces the one before."
REPORT = "What became of each file"
REPORT_COLUMNS = ("#", "", "File", "Result", "Why")
CROPS = "How the network will see them"
CROPS_ALL = "How the network will see them: all {n:,}. Choose one to {do}."
CROPS_SOME = (
    "How the network will see them: {shown} of {n:,}, those with something to say first. Choose one"
    " here, or in the table below, to {do}."
)
CROPS_MOVE, CROPS_LEAVE = "move its crop or leave it out", "leave it out"
SQUARE = "It is square: all of it is used, and there is no crop to move."
VERDICTS = {"kept": "used", "mended": "used, mended", "left out": "left out"}
MARKS = {"kept": "used", "mended": "mended", "left out": "left out"}
MARK_TWIN, MARK_SAME = "near-twin of {name}", "same as {name}"
MARK_HEAD = "kept of {n} alike"
MARK_ODD = "odd"
GROUPS = "There {are} of near-duplicates, shown first; of each, one is used."
ODD = (
    "Little like the others: {names}. Look whether they belong; nothing is left out for that alone."
)
ODD_FIRST = "{name} ({times:.1f} times as far away as usual)"
ODD_OTHER = "{name} ({times:.1f} times)"
ODD_MORE = " and {n} more"
LOOKING = "Comparing the pictures with one another …"
CROP = "Crop"
CROP_INFO = "Smart: where most is to be seen. Single crops can be moved."
CROP_CHOICES = (("Centre", "center"), ("Smart", "smart"))
CHOSEN_ALT = "The whole picture, with the square that is used"
POSITION = "Place of the crop"
LEAVE_OUT, USE_ANYWAY = "Leave it out", "Use it after all"
MAY_MIRROR = "May pictures be mirrored?"
MAY_MIRROR_INFO = "Not with writing, nor where left and right differ."
MIRROR_CHOICES = (("No", False), ("Yes", True))
TIME = "Time"
TIMES = (("2 min", 2.0), ("5 min", 5.0), ("15 min", 15.0), ("1 hour", 60.0))
START = "Start training"
NO_PICTURES = "There are no pictures yet."
NO_PICTURES_EXPECTED = "Training needs some to learn from."
NO_PICTURES_ADVICE = "Drop pictures, a folder or a zip first."
ADVANCED = "Advanced"
OTHER_TIME = "Another time, minutes"
OTHER_TIME_INFO = "Leave at 0 to use the choice above."
START_FROM = "Start from"
SCRATCH = "Scratch: an untrained network"
RUN_LABEL = "{n} pictures, {minutes:g} min"
RUN_NETWORK = ", {kind} {size} px"
SIZE_OF_PICTURES = "Size"
SIZE_INFO = "In pixels. 128 takes over twice as long as 64, and 256 over five times."
NETWORK_KIND = "Network"
SCALES = "What D judges"
SCALES_CHOICES = (("the picture", "one"), ("all of its sizes at once", "all"))
GROW_FROM = "Grow from"
NO_GROWING = "no growing"
GROW_FROM_INFO = "Small pictures first. After half of the time it is at the full size."
SIZE_MOVED = "The size is {size} px now."
SIZES_EXCLUDED = "The network {kind} does {sizes} px. For other sizes there is {able}."
START_MOVED = "{model} is of another network or size, and cannot be the start."
START_OWN = "It starts from {model}: network {kind}, {size} px."
START_GROWS = "It starts from {model}, of {first} px, and grows it to {size} px."
FROM_SCRATCH = (
    "The run begins from scratch: there is no model of the network {kind} at {size} px to start"
    " from, or you chose none."
)
SCRATCH_FIGURES = (
    "A few pictures in minutes give little so. In our trial with 120 pictures and the DCGAN of 64"
    " px, after 20 thousand were shown, what was made lay ten times as far from the real ones as"
    " from the bundled model: KID × 1000 was 3,532, against 310 to 335."
)
ESTIMATE = "How much is that on this machine?"
ESTIMATING = "Timing a few steps of it on this machine …"
CLOCK = (
    "{kind}, {size} px, on this machine: about {shown} pictures in {minutes} minutes ({speed} a"
    " second)."
)
CLOCK_LENT = "How many pictures it is shown is known once it trains: the GPU is lent only then."
CLOCK_GROWS = "From {first} to {last} px, each size gets about {each}."
OTHER_SIZE = "These pictures were cut at {found} px."
OTHER_SIZE_EXPECTED = "What was chosen makes pictures of {wanted} px."
OTHER_SIZE_ADVICE = "Drop them again, or choose the size {found}."
OTHER_START = "{model} is of the network {kind} ({scales} scale), {size} px."
OTHER_START_EXPECTED = "What was chosen is {kind} ({scales} scale), {size} px."
OTHER_START_ADVICE = "Choose its network and size, another start, or to start from scratch."
AUGMENTATION = "Augmentation"
AUGMENTATION_INFO = "Shown to D in both kinds of pictures, so that a few go further."
MIRROR = "Also learn from mirrored pictures"

# Style
STYLE_TAB = "Style"
STYLE_CONTENT = "Picture"
STYLE_STYLES = "In the manner of"
STYLE_CONTENT_ALT = "The picture to paint again"
STRENGTH = "Strength of style"
STYLE_TIME = "Time, seconds"
PAINT = "Paint"
STAGE_ALT = "The picture as it grows"
LENT_LESS = "The GPU is lent for less than that: {seconds:g} seconds are used."
STYLE_STOP = "Stop and keep"
STYLE_HINT = (
    "Drop a picture and a painting, or choose ours, and press **Paint**. Here is our landscape in"
    " the manner of our strokes. Your pictures are deleted after an hour."
)
PAINT_IT = "Paint it in a style"
COLORS = "Colours"
COLOR_CHOICES = (("of the style", "style"), ("of the picture", "keep"))
COLORS_BEFORE = "Colours"
COLORS_BEFORE_CHOICES = (
    ("of the style", "style"),
    ("of the picture", "keep"),
    ("style recoloured first", "match"),
)
STYLE_DOWNLOAD = "Download (PNG)"
REFINE = "Refine for {seconds:g} s more"
BEFORE_AFTER = "Before and after"
SIZE = "Longer side, pixels"
NETWORK = "Feature network"
NETWORK_INFO = "VGG-19 is fetched from the Hugging Face Hub once (52 MB). Many times slower."
NETWORKS = (("StyleNet (bundled)", "stylenet"), ("VGG-19 (from the Hub)", "vgg19"))
NETWORK_HUB = "Another, from the Hub"
NETWORK_HERE = "{name} is here, with the layers {first} to {last}, and is used from now on."
NETWORK_NOT_HERE = "The feature network {name} is not here."
NETWORK_NOT_HERE_EXPECTED = "One of the Hub is fetched before it is painted with."
NETWORK_NOT_HERE_ADVICE = "Fetch it under Style, Advanced, or choose another."
STYLE_SCALE = "Size of strokes"
STYLE_SCALE_INFO = "1: as in the style. Larger: broader."
STYLE_WEIGHTS = "Weights of several styles"
STYLE_WEIGHTS_INFO = "Such as 1, 2. Empty: all alike."
STYLE_START = "Begin from"
STYLE_STARTS = (
    ("the picture", "content"),
    ("noise", "noise"),
    ("the picture with noise", "noisy content"),
)
OPTIMIZER = "Optimiser"
OPTIMIZERS = (("Adam", "adam"), ("L-BFGS", "lbfgs"))
PRESET = "Settings of the lesson"
PRESET_INFO = "Its own size, losses and number of steps. A minute or two; many with VGG-19."
NO_PRESET = ("none", "")
PROTECT = "Protect a part"
PROTECT_INFO = "Paint over what must stay as it is."
CURVES = "How it went"
STYLE_LOSSES = "Losses, as shares of their largest"
STYLE_SHARES = "Style matched, content kept, per cent"
STEP = "step"
PAINTING = "Painting"
PAINTING_STARTS = "Looking at the pictures, and measuring how fast this machine is."
PAINTING_STATUS = (
    "At {size} px · {left} left · style {matched:.0%} matched, content {kept:.0%} kept"
)
PAINTED = "Painted"
PAINTED_STATUS = "In {time}. Style {matched:.0%} matched, content {kept:.0%} kept."
PAINTED_STOPPED = (
    "Stopped after {time}; this is how far it came. Style {matched:.0%} matched, content"
    " {kept:.0%} kept."
)
PLAN = "Plan: {plan}"
STEPS_TAKEN = "Steps taken: {taken}."
RESTORED = (
    "The settings inside this picture were restored. It was painted from {content} and {styles}:"
    " drop these now to paint it again. As it is, the picture that you dropped will be painted."
)
NO_CONTENT = "There is no picture yet."
NO_CONTENT_EXPECTED = "One picture to paint again is needed."
NO_CONTENT_ADVICE = "Drop one, or choose one of ours."
NO_STYLE = "There is no style yet."
NO_STYLE_EXPECTED = "One picture to paint like, or several, are needed."
NO_STYLE_ADVICE = "Drop one, or choose one of ours."
MANY_STYLES = "There are {n} style pictures."
MANY_STYLES_EXPECTED = "At most {most} are mixed here."
MANY_STYLES_ADVICE = "Take some out; the command line takes whole folders."
WEIGHTS_WRONG = "The weights are “{text:.80}”, for {n} styles."
WEIGHTS_EXPECTED = "There must be one number from 0 on for each style, with commas between."
WEIGHTS_ADVICE = "Write for instance 1, 2, or leave the field empty."
NO_PASTICHE = "There is nothing painted yet."
NO_PASTICHE_EXPECTED = "This goes on from a finished picture."
NO_PASTICHE_ADVICE = "Press Paint first."

DONE = "Done"  # to who hears the page: Gradio has no word for it

# Errors
ERROR_TITLE = "This did not work"
UNEXPECTED = (
    "Something went wrong on our side, and it was noted. Please try again; if it happens again,"
    " reload the page."
)
OUT_OF_BOUNDS = "{name} is {value}."
OUT_OF_BOUNDS_EXPECTED = "It must lie between {low} and {high}."
OUT_OF_BOUNDS_ADVICE = "Choose a value in between."
EMPTY = "{name} is empty."
NOT_A_NUMBER = "{name} is “{value!s:.80}”, which is not a number."
NOT_WHOLE_EXPECTED = "It must be a whole number between {low} and {high}."
TOO_MUCH = (
    "More came than the maximum allowed size, {most:,} MB at once. Choose fewer or smaller files."
)
NO_ROOM = "There is room for {free:,.0f} MB of uploads at the moment. Please try again in an hour."
