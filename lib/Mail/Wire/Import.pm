package Mail::Wire::Import;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Digest::MD5 ();
use Mail::Wire::Import::Keys ();
use Mail::Wire::Journal ();

# Messages of mailboxes through a pool, and what becomes of each into a journal: for the command `mailwire import`.
#
# A message is a job then: a reference to a hash of file, offset, length and hash, which name it; recipients; number, of the journal; message;
# content, the pool's arguments; weight. Jobs are gathered into batches. A batch is in the journal before one of its messages is sent, and
# there are never more than `window` messages in it that have no answers in it.

# What content takes of memory, in bytes: so much at once. A file that is open counts as LARGE.
use constant { WEIGHT_MAX => 1 << 23, LARGE => 1 << 16 };

# A batch is this part of the window.
use constant PARTS => 4;

# Fields: pool, without which nothing is sent; envelope; window; journal, if there is one; sends_doubts, true when what is in doubt is to be
# sent again; is_deduping; keeps, if given, called with a job and its results before the journal has these, told, called behind that; stopped,
# code that says whether no more is to be begun; failed, called with why a mailbox could not be read.
sub new {
    my ($class, %in) = @_;
    my %count = map { $_ => 0 } qw(messages recipients sent answered doubtful duplicate left nobody unreadable);
    return bless {
        %in, count => \%count, waiting => 0, weight => 0, batch => [], batch_weight => 0,
        seen => $in{is_deduping} ? Mail::Wire::Import::Keys->new : undef, handle => 0, all => {},
    }, $class;
}

# How many messages were read, how many recipients they have, and what became of these: sent (there is a result); answered in an earlier
# run, doubtful from one, duplicate, left by a run that was stopped or has no pool. `nobody` counts messages without recipients, `unreadable`
# errors of mailboxes.
sub count { $_[0]{count} }

# All messages that the code gives, until it gives undef. Croaks when the journal cannot be written: nothing that is not in it was sent.
sub run {
    my ($self, $next) = @_;
    while (not $self->_is_over and defined(my $message = $self->_read($next))) {
        $self->{count}{messages}++;
        my $job = $self->_job($message) or next;
        push @{ $self->{batch} }, $job;
        $self->{batch_weight} += $job->{weight};
        $self->_send_batch if @{ $self->{batch} } >= $self->{window} / PARTS or $self->{batch_weight} >= WEIGHT_MAX / PARTS;
    }
    $self->_send_batch;
    return $self->finish;
}

# The recipients of what was read, as keys of a hash, if there is no pool.
sub recipients { return $_[0]{all} }

# Waits for the answers to what was sent. The journal has them then.
sub finish {
    my ($self) = @_;
    $self->_collect while $self->{waiting};
    $self->{journal}->sync if $self->{journal} and $self->{pool};
    die delete $self->{error} if defined $self->{error};
    return;
}

# The next message that can be read.
sub _read {
    my ($self, $next) = @_;
    while (1) {
        my ($message, $error);
        {
            local $@;
            eval { $message = $next->(); 1 } or $error = $@;
        }
        return $message if not defined $error;
        $self->_failed($error);
        return if $self->{stopped}->();
    }
}

sub _failed {
    my ($self, $error) = @_;
    $self->{count}{unreadable}++;
    $self->{failed}->($error);
    return;
}

# ---------------------------------------------------------------- what is to be sent

# Nothing: there is nobody to send it to, or no more.
sub _job {
    my ($self, $message) = @_;
    my @recipients = $self->{envelope}->recipients($message);
    if (not @recipients) {
        $self->{count}{nobody}++;
        return;
    }
    my ($count, $recipients) = ($self->{count}, scalar @recipients);
    my $job = { message => $message, recipients => \@recipients, before => {} };
    my $error;
    {
        local $@;
        $error = $@ if not eval { $self->_look_at($job); 1 };
    }
    my $before = delete $job->{before};
    if (defined $error) {
        $count->{messages}--;
        $self->_failed($error);
        return;
    }
    $count->{recipients} += $recipients;
    $count->{$_} += $before->{$_} foreach keys %$before;
    return @recipients ? $job : ();
}

# Reads what is needed of the message. Its recipients are those then that it is to be sent to; `before` counts the others.
sub _look_at {
    my ($self, $job) = @_;
    $self->_name($job) if $self->{journal};
    @{ $job->{recipients} } = grep { $self->_is_new($job, $_) } @{ $job->{recipients} };
    $self->_content($job) if @{ $job->{recipients} };
    return;
}

# A message of a Maildir is the same under other flags, and when it was moved from `new` to `cur`.
sub _name {
    my ($self, $job) = @_;
    my $message = $job->{message};
    my $path = $message->path;
    if (not defined $self->{path} or $self->{path} ne $path) {
        ($self->{file} = $self->{path} = $path) =~ s{(?:new|cur)/([^/:;!]+)(?:[:;!]2,[^/]*)?\z}{$1};
    }
    @{$job}{qw(file offset length)} = ($self->{file}, $message->offset, $message->length);
    $job->{hash} = Mail::Wire::Journal->hash_of($message->beginning(Mail::Wire::Journal::HASHED));
    return;
}

sub _is_new {
    my ($self, $job, $recipient) = @_;
    if ($self->{seen} and not $self->{seen}->add($self->_digest($job, $recipient))) {
        $job->{before}{duplicate}++;
        return 0;
    }
    my $known = $self->{journal} ? $self->{journal}->known($job, $recipient) : '';
    return 1 if $known eq '' or $known eq 'doubt' and $self->{sends_doubts};
    $job->{before}{ $known eq 'doubt' ? 'doubtful' : 'answered' }++;
    return 0;
}

# What the pool is given. A small message that is a file of its own is read now, so that not too many are open.
sub _content {
    my ($self, $job) = @_;
    my $message = $job->{message};
    my $range = $message->range;
    my $data = $range ? undef : $message->data;
    my $is_file = $range && $self->_is_file($range);
    $data = \$message->as_string if $is_file and $range->[2] < LARGE;
    $job->{content} = [ From => $self->{pool} && $self->{envelope}->sender($message), $data ? (Data => $data) : (Range => $range) ];
    $job->{weight} = ref $data eq 'SCALAR' ? length $$data : $is_file || $data ? LARGE : 0;
    return;
}

# Not one that others are a part of, too: that is open once.
sub _is_file {
    my ($self, $range) = @_;
    return 0 if $range->[0] == $self->{handle};
    return 1 if $range->[1] == 0 and -s $range->[0] == $range->[2];
    $self->{handle} = $range->[0];
    return 0;
}

# ---------------------------------------------------------------- duplicates

# For the same recipient: the same Message-ID and the same text behind the header, whose other fields tell of the way. Without a Message-ID the
# whole message. Line ends are of no account.
sub _digest {
    my ($self, $job, $recipient) = @_;
    $job->{digest} = _text_digest($job->{message}) if not defined $job->{digest};
    return Mail::Wire::Import::Keys->key("$recipient\n$job->{digest}");
}

sub _text_digest {
    my ($message) = @_;
    my $id = $message->header('Message-ID');
    my $md5 = Digest::MD5->new;
    my $skip = defined $id ? length $message->head : 0;
    my $data = $message->data;
    my $next = ref $data eq 'SCALAR' ? do { my $text = $$data; sub { my $piece = $text; undef $text; return $piece } } : $data;
    my $ends = '';
    while (defined(my $piece = $next->())) {
        my $gone = $skip < length $piece ? $skip : length $piece;
        substr $piece, 0, $gone, '';
        $skip -= $gone;
        $piece =~ tr/\r//d;
        $piece = $ends . $piece;
        $piece =~ s/(\n*)\z//;
        $ends = $1;
        $md5->add($piece);
    }
    return $md5->digest . (defined $id ? $id : '');
}

# ---------------------------------------------------------------- sending

sub _send_batch {
    my ($self) = @_;
    my @batch = @{ $self->{batch} } or return;
    my $weight = $self->{batch_weight};
    @{$self}{qw(batch batch_weight)} = ([], 0);
    return $self->_leave(@batch) if not $self->{pool} or $self->_is_over;
    $self->_collect
        while $self->{waiting} and ($self->{waiting} + @batch > $self->{window} or $self->{weight} + $weight > WEIGHT_MAX);
    return $self->_leave(@batch) if defined $self->{error};
    $self->{journal}->begin(@batch) if $self->{journal};
    $self->{weight} += $weight;
    foreach my $job (@batch) {
        $self->{pool}->submit(@{ delete $job->{content} }, To => $job->{recipients}, Tag => $job);
        $self->{waiting}++;
    }
    return;
}

sub _leave {
    my ($self, @batch) = @_;
    foreach my $recipient (map { @{ $_->{recipients} } } @batch) {
        $self->{count}{left}++;
        $self->{all}{$recipient} = 1 if not $self->{pool};
    }
    return;
}

sub _collect {
    my ($self) = @_;
    my $delivery = $self->{pool}->collect or die 'the pool has lost messages';
    my $job = $delivery->tag;
    my @results = $delivery->results;
    $self->{waiting}--;
    $self->{weight} -= $job->{weight};
    $self->{count}{sent} += @results;
    my $is_kept = !$self->{keeps} || $self->_tried($self->{keeps}, $job, \@results);
    $self->{journal}->answered($job, @results) if $self->{journal} and $is_kept;
    $self->_tried($self->{told}, $job, \@results);
    return;
}

# Of what dies here the first error comes out of `run` or `finish`, when the answers to all that was sent are there.
sub _tried {
    my ($self, $code, @arguments) = @_;
    local $@;
    return 1 if eval { $code->(@arguments); 1 };
    $self->{error} = $@ if not defined $self->{error};
    return 0;
}

sub _is_over { return defined $_[0]{error} || $_[0]{stopped}->() }

1;
