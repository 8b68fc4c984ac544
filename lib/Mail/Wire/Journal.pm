package Mail::Wire::Journal;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Compress::Raw::Zlib ();
use Digest::MD5 qw(md5_hex);
use Errno qw(EINTR);
use Fcntl qw(:flock O_CREAT O_EXCL O_RDONLY O_RDWR SEEK_SET);
use File::Basename qw(dirname);
use IO::Handle ();
use Mail::Wire::Import::Keys ();
use Mail::Wire::Standard ();

our @CARP_NOT = ('Mail::Wire::Import');

# The file that says what became of each message of an import, and goes on where a killed one was. What is about to be sent is on the disk
# before it is sent; answers follow. So a message without answers, after a kill, is one that nobody knows of: it is in doubt.
#
# It is text, in frames: a line "#LENGTH CRC32", or "#LENGTH CRC32 s" where all in front was synced, and so many bytes. A frame that is not
# whole is the end: it was being written when the process or the machine stopped. If a synced one follows, the file is damaged. The lines,
# with tabs between the fields:
#
#   J 1 URL                                     a run begins
#   F FILE                                      where the messages of the next S lines are
#   S NUMBER OFFSET LENGTH HASH RECIPIENT ...   about to be sent
#   R NUMBER INDEX STATUS STAGE CODE TEXT       the answer for one of its recipients
#
# STATUS is a Mail::Wire::Result's, or `doubt`; `skipped` ends a doubt. A message is known again by all of its S line and its file but the
# number. FILE is a path: the numbers of devices change when a machine starts, those of inodes when a mailbox is written anew.

use constant FRAME_MAX => 1 << 26;

# What is written at once becomes frames of no more than this: what is longer than FRAME_MAX would not be read.
use constant FRAME_SIZE => 1 << 20;

# The answers to what was sent are to be written when the disk is full, too: so much is kept for them.
use constant RESERVE => 1 << 18;

# How much of a message its hash is of: its header has what makes it unlike others, and all of a file would have to be read twice.
use constant HASHED => 1024;

# A server's words, in the journal.
use constant TEXT_MAX => 200;

# ---------------------------------------------------------------- opening

# Locks the file, and reads what is in it. Croaks when it cannot be used. is_only_read: nothing will be written.
sub new {
    my ($class, $path, $url, $is_only_read) = @_;
    my $fh;
    my $how = $is_only_read ? O_RDONLY : O_RDWR | O_CREAT;
    Mail::Wire::Standard::apart(sub { sysopen $fh, $path, $how }) or croak "cannot open the journal $path: $!";
    binmode $fh;
    -f $fh or croak "$path is no plain file: it cannot be a journal";
    flock $fh, ($is_only_read ? LOCK_SH : LOCK_EX) | LOCK_NB
        or croak "another process uses the journal $path: wait for its end, or name another journal";
    my $self = bless {
        path => $path, fh => $fh, url => $url, buffer => '', at => 0, end => 0, is_synced => 0, last => 0, file => '',
        done => Mail::Wire::Import::Keys->new, open => {}, doubt => {}, files => {},
    }, $class;
    $self->{is_new} = !-s $fh;
    $self->{is_only_read} = $is_only_read;
    $self->_load if not $self->{is_new};
    return $self if $is_only_read;
    $self->_reserve;
    $self->_begin;
    return $self;
}

# A file without a name, whose space is free when it is closed.
sub _reserve {
    my ($self) = @_;
    my $path = "$self->{path}.$$";
    my $fh;
    Mail::Wire::Standard::apart(sub { sysopen $fh, $path, O_RDWR | O_CREAT | O_EXCL })
        and unlink $path and _put($fh, 'x' x RESERVE) and $fh->sync or croak "cannot write beside the journal $self->{path}: $!";
    $self->{reserve} = $fh;
    return;
}

sub _begin {
    my ($self) = @_;
    $self->_line('J', 1, $self->{url});
    $self->sync;
    sync_folder(dirname($self->{path}));
    return;
}

# The names in it are on the disk then, where the system can do that.
sub sync_folder {
    my ($path) = @_;
    if (open my $folder, '<', $path) { $folder->sync }
    return;
}

sub path { $_[0]{path} }

# How many bytes at the end were no whole frame, and were cut off.
sub torn { $_[0]{torn} || 0 }

# ---------------------------------------------------------------- reading

sub _load {
    my ($self) = @_;
    while (defined(my $text = $self->_frame($self->{end}))) {
        $self->_take($_) foreach split /\n/, $text;
        $self->{end} = tell $self->{fh};
    }
    croak "$self->{path} is no journal of mailwire, or its beginning is damaged" if not defined $self->{found};
    $self->_drop_tail if $self->{end} < -s $self->{fh};
    $self->_forget_open;
    $self->{file} = '';
    return;
}

# The text of the frame that begins there; undef: there is no whole one.
sub _frame {
    my ($self, $at, $only_synced) = @_;
    my $fh = $self->{fh};
    tell($fh) == $at or seek $fh, $at, SEEK_SET or croak "cannot read the journal $self->{path}: $!";
    my $head = readline $fh;
    return if not defined $head or $head !~ /\A#([0-9]{1,8}) ([0-9a-f]{8})( s)?\n\z/;
    my ($length, $sum) = ($1, $2);
    return if $length > FRAME_MAX or $only_synced and not $3;
    my $got = read($fh, my $text, $length);
    return if not defined $got or $got != $length or _sum($text) ne $sum;
    return $text;
}

sub _sum { return sprintf '%08x', Compress::Raw::Zlib::crc32($_[0]) }

sub _drop_tail {
    my ($self) = @_;
    my ($fh, $end) = @{$self}{qw(fh end)};
    seek $fh, $end, SEEK_SET;
    while (defined(my $line = readline $fh)) {
        next if $line !~ /#[0-9]+ [0-9a-f]{8} s\n\z/ or tell($fh) - length($line) == $end;
        my $behind = tell $fh;
        croak "the journal $self->{path} is damaged at byte $end: put a copy back, or what was sent since would be sent again"
            if defined $self->_frame($behind - length($line) + $-[0], 1);
        seek $fh, $behind, SEEK_SET;
    }
    my $size = -s $fh;
    $self->{torn} = $size - $end;
    $self->{is_only_read} or truncate $fh, $end or croak "cannot write the journal $self->{path}: $!";
    return;
}

sub _take {
    my ($self, $line) = @_;
    my ($kind, @fields) = split /\t/, $line, -1;
    if ($line =~ /%/) { $_ = _plain($_) foreach @fields }
    if    ($kind eq 'F') { ($self->{file}) = @fields }
    elsif ($kind eq 'S') { $self->_take_message(@fields) }
    elsif ($kind eq 'R') { $self->_take_answer(@fields[ 0 .. 2 ]) }
    elsif ($kind eq 'J') { $self->_take_head(@fields) }
    else                 { croak "the journal $self->{path} has a line '$kind', which this release does not know" }
    return;
}

sub _take_head {
    my ($self, $version, $url) = @_;
    croak "the journal $self->{path} was written by a later release" if $version ne '1';
    croak "the journal $self->{path} is that of an import to $url: name another journal" if $url ne $self->{url};
    $self->{found} = 1;
    $self->_forget_open;
    return;
}

sub _take_message {
    my ($self, $number, $offset, $length, $hash, @recipients) = @_;
    $self->{last} = $number if $number > $self->{last};
    my %message = (file => $self->{file}, offset => $offset, length => $length, hash => $hash, recipients => \@recipients, left => {});
    foreach my $i (0 .. $#recipients) {
        delete $self->{doubt}{ $message{left}{$i} = _key(\%message, $recipients[$i]) };
    }
    $self->{open}{$number} = \%message;
    return;
}

sub _take_answer {
    my ($self, $number, $index, $status) = @_;
    my $message = $self->{open}{$number} or return;
    my $key = delete $message->{left}{$index};
    return if not defined $key;
    if    ($status eq 'doubt')    { $self->_doubt($key, $message, $index) }
    elsif ($status ne 'deferral') { $self->{done}->add($key) }
    delete $self->{open}{$number} if not %{ $message->{left} };
    return;
}

# At a run's end: answers that are not there by then will not come.
sub _forget_open {
    my ($self) = @_;
    foreach my $message (values %{ $self->{open} }) {
        $self->_doubt($message->{left}{$_}, $message, $_) foreach keys %{ $message->{left} };
    }
    $self->{open} = {};
    return;
}

sub _doubt {
    my ($self, $key, $message, $index) = @_;
    my %doubt = (recipient => $message->{recipients}[$index]);
    @doubt{qw(file offset length hash)} = @{$message}{qw(file offset length hash)};
    $self->{doubt}{$key} = \%doubt;
    return;
}

# ---------------------------------------------------------------- what is known

# How a message (a reference to a hash of file, offset, length and hash) is named, for one recipient.
sub _key {
    my ($message, $recipient) = @_;
    return Mail::Wire::Import::Keys->key(join "\t", @{$message}{qw(file offset length hash)}, $recipient);
}

sub hash_of { return substr md5_hex($_[1]), 0, 16 }

# What became of a message, for one recipient: '' (it is to be sent), 'done' or 'doubt'.
sub known {
    my ($self, $message, $recipient) = @_;
    return '' if $self->{is_new};
    my $key = _key($message, $recipient);
    return $self->{done}->has($key) ? 'done' : $self->{doubt}{$key} ? 'doubt' : '';
}

# All that are in doubt: references to hashes of file, offset, length, hash and recipient.
sub doubtful {
    my ($self) = @_;
    my @doubtful = sort { $a->{file} cmp $b->{file} || $a->{offset} <=> $b->{offset} || $a->{recipient} cmp $b->{recipient} }
        values %{ $self->{doubt} };
    return @doubtful;
}

# ---------------------------------------------------------------- writing

# A field may be any octets.
sub _escaped {
    my ($text) = @_;
    $text =~ s/([%\x00-\x1f\x7f])/sprintf '%%%02X', ord $1/ge;
    return $text;
}

sub _plain {
    my ($text) = @_;
    $text =~ s/%([0-9A-F]{2})/chr hex $1/ge;
    return $text;
}

sub _line {
    my ($self, @fields) = @_;
    my $line = join "\t", @fields;
    $line = join "\t", map { _escaped($_) } @fields if $line =~ tr/%\x00-\x1f\x7f// != $#fields;
    $self->{buffer} .= $line . "\n";
    return;
}

# Messages, as `known` takes them, with their recipients, are about to be sent. Each gets a number. They are on the disk then; or, when this
# croaks, they are not in the journal.
sub begin {
    my ($self, @messages) = @_;
    $self->flush;
    croak "cannot write the journal $self->{path}: $self->{full}" if defined $self->{full};
    my $end = $self->{end};
    foreach my $message (@messages) {
        $self->_line('F', $self->{file} = $message->{file}) if $self->{file} ne $message->{file};
        $self->_line('S', $message->{number} = ++$self->{last}, @{$message}{qw(offset length hash)}, @{ $message->{recipients} });
    }
    return $self->_settle(@messages) if $self->_append and $self->{fh}->sync and $self->{is_synced} = 1;
    my $error = $!;
    truncate $self->{fh}, $self->{end} = $end;
    @{$self}{qw(buffer file)} = ('', '');
    croak "cannot write the journal $self->{path}: $error";
}

# A doubt ends when the message is sent again.
sub _settle {
    my ($self, @messages) = @_;
    return if not %{ $self->{doubt} };
    foreach my $message (@messages) { delete @{ $self->{doubt} }{ map { _key($message, $_) } @{ $message->{recipients} } } }
    return;
}

# The results of one of them. They are in the file by the next `begin`, `flush` or `sync`.
sub answered {
    my ($self, $message, @results) = @_;
    foreach my $result (@results) {
        my $status = $result->maybe_delivered ? 'doubt' : $result->status;
        $self->_line('R', $message->{number}, $result->index, $status, $result->stage, $result->code, substr $result->message, 0, TEXT_MAX);
    }
    return;
}

# What is in doubt stays so, and is not told any more.
sub skip_doubts {
    my ($self) = @_;
    my @doubts = $self->doubtful or return;
    $_->{recipients} = [ $_->{recipient} ] foreach @doubts;
    $self->begin(@doubts);
    foreach my $doubt (@doubts) {
        $self->_line('R', $doubt->{number}, 0, 'skipped', '', '', '');
        $self->{done}->add(_key($doubt, $doubt->{recipient}));
    }
    return $self->sync;
}

# Croaks when it cannot: the file is as it was then, and what is to be written is kept.
sub flush {
    my ($self) = @_;
    return if not length $self->{buffer} or $self->_append;
    $self->{full} = "$!";
    undef $self->{reserve};
    return if $self->_append;
    croak "cannot write the journal $self->{path}: $self->{full}";
}

# What is to be written becomes frames. False, with $!, when it does not: the file is as it was.
sub _append {
    my ($self) = @_;
    my $frames = _framed(@{$self}{qw(buffer is_synced)});
    if (not sysseek $self->{fh}, $self->{end}, SEEK_SET or not _put($self->{fh}, $frames)) {
        my $error = $!;
        truncate $self->{fh}, $self->{end};
        $! = $error;
        return 0;
    }
    $self->{end} += length $frames;
    @{$self}{qw(buffer is_synced)} = ('', 0);
    return 1;
}

# Each has whole lines. In front of the others not all is synced.
sub _framed {
    my ($text, $is_synced) = @_;
    my ($frames, $at) = ('', 0);
    while ($at < length $text) {
        my $end = length($text) - $at > FRAME_SIZE ? rindex($text, "\n", $at + FRAME_SIZE - 1) : length($text) - 1;
        $end = index $text, "\n", $at if $end < $at;
        my $piece = substr $text, $at, $end + 1 - $at;
        $frames .= sprintf("#%d %s%s\n", length $piece, _sum($piece), $is_synced ? ' s' : '') . $piece;
        ($at, $is_synced) = ($end + 1, 0);
    }
    return $frames;
}

sub _put {
    my ($fh, $text) = @_;
    my $at = 0;
    while ($at < length $text) {
        my $put = syswrite $fh, $text, length($text) - $at, $at;
        next if not defined $put and $! == EINTR;
        return 0 if not $put;
        $at += $put;
    }
    return 1;
}

sub sync {
    my ($self) = @_;
    $self->flush;
    return if $self->{is_synced};
    $self->{fh}->sync or croak "cannot sync the journal $self->{path}: $!";
    $self->{is_synced} = 1;
    return;
}

1;
