package Mail::Wire::Source;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Errno qw(EAGAIN EWOULDBLOCK);
use Fcntl qw(F_GETFL O_ACCMODE O_NONBLOCK O_RDONLY O_RDWR O_WRONLY SEEK_CUR SEEK_SET);
use IO::Handle ();
use Mail::Wire ();
use Mail::Wire::Fault ();
use Mail::Wire::Spool ();
use Mail::Wire::Standard ();
use Scalar::Util qw(blessed looks_like_number openhandle reftype weaken);

our @CARP_NOT = ('Net::LMTP', 'Net::QMTP', 'Mail::Wire::Client', 'Mail::Wire::Deliveries', 'Mail::Wire::Packages',
    'Mail::Wire::Spool', 'Mail::Wire::Text', 'Mail::Wire::Commands', 'Mail::Wire::Pool', 'Mail::Wire::Pool::Job');

# A message's content as the caller has it: a string that is there, or something that gives pieces. What the caller's code dies of
# comes out of what asks for them. What a file or a handle has to say is a Mail::Wire::Fault: it is a result,
# as what a server says is.

use constant PIECE => 65536;

# A file up to this size is read at once: it needs no descriptor while it waits. The glue has the same.
use constant SMALL => 65536;

# Arguments: the caller's Data, File and Range. Croaks unless there is one of them, usable.
sub new {
    my ($class, $data, $file, $range) = @_;
    croak 'Data, File or Range is needed, and only one of them' if 1 != grep {defined} $data, $file, $range;
    my $self = bless { rest => '' }, $class;
    return defined $file ? $self->_file($file) : defined $range ? $self->_range($range) : $self->_data($data);
}

# From code that has given this text so far.
sub begun {
    my ($class, $code, $text) = @_;
    return bless { next => $code, rest => $text }, $class;
}

# What the handle gives, a piece at a time. What it has to say is thrown as a fault, under this name.
sub of_handle {
    my ($class, $fh, $name) = @_;
    my $self = bless { rest => '' }, $class;
    $self->{next} = $self->_reader($fh, $name);
    return $self;
}

# After this moment (of Mail::Wire::_now) nothing more is read; 0: there is none.
sub until {
    my ($self, $moment) = @_;
    $self->{until} = $moment;
    return;
}

# All of what a caller gave for a text. Croaks when it cannot be read.
sub gathered {
    my ($class, $method, $data) = @_;
    my ($text, $error);
    {
        local $@;
        $text = eval { $class->new($data, undef)->gather };
        $error = $@;
    }
    return $$text if $text;
    my $why = Mail::Wire::Fault::why($error);
    die $error if not defined $why;
    croak "$method: $why";
}

sub _opened {
    my ($what, $name) = @_;
    $name = "$name";
    utf8::downgrade($name, 1);    # its octets, whatever perl's inner form is
    croak "$what has a name with a NUL in it" if $name =~ /\0/;
    my $fh;
    no warnings 'newline';    # of a name that ends in one: that it is not there is said anyway
    my $mode = O_RDONLY | (-p $name ? O_NONBLOCK : 0);    # else opening a FIFO waits for its writer, whatever the deadline
    Mail::Wire::Standard::apart(sub { sysopen $fh, $name, $mode }) or croak "cannot read $name: $!";
    binmode $fh;
    croak "cannot read $name: it is a directory" if -d $fh;
    return $fh;
}

sub _file {
    my ($self, $name) = @_;
    my $fh = _opened(File => $name);
    $self->_note($fh, $name) if -f $fh;
    $self->{is_early} = -p $fh;
    $self->{size} = $self->{left};
    $self->{next} = $self->_reader($fh, $name);
    return $self;
}

sub _range {
    my ($self, $range) = @_;
    croak 'Range must be a reference to a list: a path or a handle, an offset, a length' if ref $range ne 'ARRAY' or @$range != 3;
    my ($place, $start, $size) = @$range;
    foreach my $number ($start, $size) {
        croak 'Range: an offset and a length are numbers of octets' if not defined $number or $number !~ /\A[0-9]{1,15}\z/;
    }
    my $is_handle = ref $place || ref \$place eq 'GLOB';
    my $fh = $is_handle ? openhandle($place) : _opened(Range => $place);
    croak 'Range: the handle is not open' if not $fh;
    croak 'Range: it is no plain file' if tied *$fh or not -f $fh;
    @{$self}{qw(file start left size is_part)} = ($fh, $start, $size, $size, 1);
    $self->_stamp($fh);

    # A handle of the caller's stays where it is.
    $self->{is_small} = !$is_handle && $size <= SMALL && seek $fh, $start, SEEK_SET;
    return $self;
}

sub _data {
    my ($self, $data) = @_;

    # A variable of its own: perl 5.10 would assign into the glob.
    my $source = ref \$data eq 'GLOB' ? \*$data : $data;
    return $self->_source($source);
}

sub _source {
    my ($self, $data) = @_;
    my $type = reftype($data) || '';

    # Handles first: that of File::Temp says its name when it is taken for a string.
    if ($type eq 'GLOB') {
        croak 'Data is a handle that is not open' if not openhandle($data);
        $self->_handle($data);
    }
    elsif (not ref $data or _is_text($data)) {
        $self->{text} = \"$data";
    }
    elsif (blessed $data and $data->can('as_string')) { $self->{text} = \(my $kept = $data->as_string) }
    elsif (blessed $data and $data->can('read'))      { $self->{next} = $self->_object_reader($data, 'read') }
    elsif (blessed $data and $data->can('getline'))   { $self->{next} = $self->_object_reader($data, 'getline') }
    elsif ($type eq 'SCALAR' and defined $$data) { $self->{text} = \(my $kept = $$data) }
    elsif ($type eq 'ARRAY') { $self->{text} = _joined($data) }
    elsif ($type eq 'CODE')  { $self->{next} = $data }
    elsif (openhandle($data)) { $self->_handle($data) }
    else { croak 'Data must be a string, or a reference to a string, a list, code or an open handle' }
    croak 'the object of Data has no text' if $self->{text} and not defined ${ $self->{text} };
    return $self;
}

# An object that has a string's form of its own.
sub _is_text { blessed $_[0] && $_[0]->can('(""') }

# What is in a list of the caller's. What gives an element may change the list that it is in: one at a time, as perl's stack does not
# hold on to what it has of a list.
sub elements {
    my ($list) = @_;
    my @copy;
    for (my $i = 0; $i < @$list; $i++) { push @copy, $list->[$i] }
    return @copy;
}

sub _joined {
    my ($lines) = @_;
    my @kept = elements($lines);
    foreach my $line (@kept) {
        next if defined $line and not ref $line;
        croak 'Data has an undefined line' if not defined $line;
        croak 'Data has a reference in its list' if ref $line and not _is_text($line);
        $line = "$line";
    }
    return \join '', @kept;
}

sub _handle {
    my ($self, $fh) = @_;
    croak 'Data is the handle of a message that is being sent' if _is_client($fh);
    croak 'Data is a handle that is open for writing only' if _opened_for($fh) == O_WRONLY;
    $self->_note($fh, _is_plain($fh) ? 'the handle' : undef) if not tied *$fh and -f $fh;
    $self->{next} = $self->_reader($fh, 'the handle');
    return;
}

# What is read from it are a server's replies.
sub _is_client {
    my ($fh) = @_;
    return 1 if blessed $fh and ($fh->isa('Mail::Wire::Client') or $fh->isa('Net::Cmd'));
    my $tied = tied *$fh;
    return blessed $tied && $tied->isa('Mail::Wire::DataHandle');
}

# O_RDONLY, O_WRONLY or O_RDWR; O_RDWR where nobody knows.
sub _opened_for {
    my ($fh) = @_;
    my $fd = tied *$fh ? undef : fileno $fh;
    my $flags = defined $fd && $fd >= 0 ? fcntl $fh, F_GETFL, 0 : undef;
    return defined $flags ? $flags & O_ACCMODE : O_RDWR;
}

sub is_read_only { return _opened_for($_[0]) == O_RDONLY }

# True for a handle on a plain file that gives its bytes as they are.
sub _is_plain {
    my ($fh) = @_;
    return 0 if tied *$fh or not -f $fh;
    my @layers = PerlIO::get_layers($fh);
    return @layers && !grep { !/\A(?:unix|perlio)\z/ } @layers;
}

# ---------------------------------------------------------------- plain files

# What a plain file is now. Where its bytes are sent as they are (it has a name here) also which of them: from where the next read
# is. That is where the descriptor stands, less what the handle has read ahead, and tell knows nothing of a sysread or a sysseek. One
# that has read ahead and was moved then has no such place: the next reads get what was read ahead, and go on somewhere else. Nor has one
# that ungetc gave other bytes than the file has there.
sub _note {
    my ($self, $fh, $name) = @_;
    my $ahead = Mail::Wire::_buffered($fh);
    $self->_stamp($fh);
    return if not defined $name or $ahead < 0;
    my $at = sysseek $fh, 0, SEEK_CUR;
    return if not defined $at or $ahead and tell($fh) != $at - $ahead;
    my $left = $self->{length} - ($at - $ahead);
    @{$self}{qw(file start left is_small)} = ($fh, $at - $ahead, $left > 0 ? $left : 0, $left <= SMALL);
    return;
}

sub _stamp {
    my ($self, $fh) = @_;
    @{$self}{qw(noted length stamp)} = ($fh, -s $fh, Mail::Wire::_file_stamp($fh));
    return;
}

# Throws when a plain file is not what it was, or not what the caller took it for.
sub check {
    my ($self) = @_;
    my $fh = $self->{noted} or return;
    Mail::Wire::Fault::throw('the file ends before the stretch does') if $self->{is_part} and $self->{start} + $self->{left} > $self->{length};
    my $length = -s $fh;
    Mail::Wire::Fault::throw('the file changed while it was read')
        if not defined $length or $length != $self->{length} or Mail::Wire::_file_stamp($fh) ne $self->{stamp};
    return;
}

# ---------------------------------------------------------------- handles

# Whether there was nothing to read yet, from a handle that does not block: then waits until there is.
sub _wait_for {
    my ($self, $fh) = @_;
    return 0 if $! != EAGAIN and $! != EWOULDBLOCK;
    my $fd = tied *$fh ? undef : fileno $fh;
    return 0 if not defined $fd or $fd < 0;
    $self->_select($fd);
    IO::Handle::clearerr($fh);
    return 1;
}

# True when there is something to read, or the end.
sub _select {
    my ($self, $fd) = @_;
    vec(my $ready = '', $fd, 1) = 1;
    my $count = select $ready, undef, undef, $self->{until} ? _max($self->{until} - Mail::Wire::_now(), 0) : undef;
    $self->_check_time;
    return $count > 0;
}

# As read. Perl's waits until it has all that it is asked for, so what could wait is without blocking for that long.
sub _read {
    my ($self, $fh, $piece) = @_;

    # A FIFO that nobody has opened for writing yet seems to be at its end.
    if (delete $self->{is_early}) { 1 until $self->_select(fileno $fh) }
    my $blocks = $self->{until} && !tied *$fh && !-f $fh && IO::Handle::blocking($fh, 0);
    return read $fh, $$piece, PIECE if not $blocks;
    my ($got, $why);
    my ($ok, $error) = Mail::Wire::Client::_try(sub { $got = read $fh, $$piece, PIECE; $why = $! });
    IO::Handle::blocking($fh, 1);
    die $error if not $ok;
    $! = $why;
    return $got;
}

# The object of IO::Uncompress that a tied handle is, or that IO::Zlib has in it.
sub _unpacker {
    my ($tied) = @_;
    my $object = blessed $tied && $tied->isa('IO::Zlib') ? $tied->{file} : $tied;
    $object = $object->[0] if blessed $object and $object->isa('Compress::Zlib::gzFile');
    return blessed $object && $object->isa('IO::Uncompress::Base') ? $object : undef;
}

# Where the packer's checksum is: by the kind, its name among what is known of the stream, and the method that counts it.
my %checksum = (rfc1952 => [qw(CRC32 crc32)], rfc1950 => [qw(ADLER32 adler32)]);

# Without its option Strict such an object takes a stream that is cut inside its trailer for a whole one, and does not look at the checksum.
# Nothing that it says afterwards tells, so it is given the option. But what is short was unpacked when the object was made, the trailer as
# well: what is wrong with that is returned.
sub _be_strict {
    my $unpacker = _unpacker($_[0]) or return;
    my $facts = \%{*$unpacker};
    return if not exists $facts->{Strict} or $facts->{Strict};
    $facts->{Strict} = 1;
    my $stream = $unpacker->getHeaderInfo || {};
    my $sum = $checksum{ $stream->{Type} || '' };
    return if not $sum or not $facts->{EndStream} || $facts->{NewStream};
    my ($field, $method) = @$sum;
    return 'the packed data ends too early: it is cut' if not defined $stream->{$field};
    my $is_right = $facts->{Uncomp}->$method == $stream->{$field}
        && (not defined $stream->{ISIZE} or $facts->{UnCompSize}->get32bit == $stream->{ISIZE});
    return $is_right ? undef : 'the packed data is damaged: it has another checksum';
}

sub _max { $_[0] > $_[1] ? $_[0] : $_[1] }

sub _check_time {
    my ($self) = @_;
    Mail::Wire::Fault::throw("the delivery's deadline has passed") if $self->{until} and Mail::Wire::_now() >= $self->{until};
    return;
}

sub _reader {
    my ($self, $fh, $name) = @_;
    my $tied = tied *$fh;
    my $wrong = _be_strict($tied);
    my $had_error = !$tied && IO::Handle::error($fh);
    my ($left, $source) = ($self->{left}, $self);
    weaken($source);
    return sub {
        my ($got, $piece);
        Mail::Wire::Fault::throw("cannot read $name: $wrong") if $wrong;
        local $! = 0;
        until (defined($got = $source->_read($fh, \$piece))) {
            Mail::Wire::Fault::throw("cannot read $name: " . _why($tied)) if not $source->_wait_for($fh);
        }
        return _checked($tied, $name, $got, $piece) if $tied;
        if (not $had_error and IO::Handle::error($fh)) {
            Mail::Wire::Fault::throw("cannot read $name: $!") if $! != EAGAIN and $! != EWOULDBLOCK;
            IO::Handle::clearerr($fh);    # it gave what was there, and has no more yet
        }
        $left -= $got if defined $left;
        $source->check if not $got or defined $left and $left <= 0;
        Mail::Wire::Fault::throw('the file changed while it was read') if defined $left and ($left < 0 or $left and not $got);
        return $got ? $piece : undef;
    };
}

# An object that is like a handle.
sub _object_reader {
    my ($self, $object, $method) = @_;
    return sub {
        if ($method eq 'getline') {
            my $line = $object->getline;
            return _checked($object, 'the object', defined $line ? 1 : 0, $line);
        }
        local $! = 0;
        my $got = $object->read(my $piece, PIECE);
        return _checked($object, 'the object', $got, $piece);
    };
}

# A piece as foreign code gave it, with what it said of that: how many bytes, 0 for the end; undef, or a number below, for an error.
# There are classes that say 0 then as well, and have a method for why.
sub _checked {
    my ($object, $name, $got, $piece) = @_;
    Mail::Wire::Fault::throw("cannot read $name: " . _why($object))
        if not defined $got or length $got and (not looks_like_number($got) or $got < 0);
    if (not $got) {
        my $error = _error_of($object);
        Mail::Wire::Fault::throw("cannot read $name: $error") if $error;
        return;
    }
    Mail::Wire::Fault::throw("cannot read $name: it gave nothing, and said that it had") if not defined $piece;
    return $piece;
}

sub _why { _error_of($_[0]) || $! || 'it does not say why' }

sub _error_of {
    my ($object) = @_;
    my $error = blessed $object && $object->can('error') ? $object->error : undef;
    return $error && ($error eq '1' || $error eq '-1') ? 'it has an error' : $error;
}

# ---------------------------------------------------------------- what there is

# A handle on the plain file that the content is the rest of, or a part, if it is one, and where that begins.
sub file    { $_[0]{file} }
sub start   { $_[0]{start} }
sub left    { $_[0]{left} }
sub is_part { $_[0]{is_part} }

# Whether it can be read from where the handle is, and at once.
sub is_small { $_[0]{is_small} }

# A reference to the whole text, or undef when it comes in pieces.
sub text { $_[0]{text} }

# The same, whatever it takes: for content that must be whole before it is sent.
sub gather {
    my ($self) = @_;
    if (not $self->{text}) {
        my $text = '';
        while (defined(my $piece = $self->next)) { $text .= $piece }
        $self->{text} = \$text;
    }
    return $self->{text};
}

# Bytes, when they are known.
sub size { $_[0]{text} ? length ${ $_[0]{text} } : $_[0]{size} }

# What there is before anything is sent, read until then: all of it, in octets; or the handle, the first byte and the length of a stretch of
# a file; or, unless the whole is asked for, nothing: it comes in pieces, of which the first (up to `most`) is there.
sub at_hand {
    my ($self, $whole, $until, $most) = @_;
    $self->until($until);
    if ($whole or $self->file) {
        my $content = Mail::Wire::Spool->new($self);
        return $content->text ? ${ $content->text } : $content->stretch;
    }
    my $text = $self->ahead($most) or return;
    return $$text;
}

# Whether there is a piece: it is in `rest`.
sub _fill {
    my ($self) = @_;
    while (not length $self->{rest}) {
        return 0 if $self->{ended};
        $self->_check_time;
        my $piece = $self->{next}->();
        croak 'the code of Data returned a reference' if ref $piece and not _is_text($piece);
        $self->{ended} = 1 if not defined $piece;
        return 0 if $self->{ended};
        $self->{rest} = ref $piece ? "$piece" : $piece;
    }
    return 1;
}

# The next piece, of at most PIECE characters; undef at the end.
sub next {
    my ($self) = @_;
    return if not $self->_fill;
    return substr $self->{rest}, 0, PIECE, '';
}

# Reads on until there is so much, or the end. A reference to the text if that was all of it; else nothing: the text comes next.
sub ahead {
    my ($self, $most) = @_;
    my $text = '';
    while ($self->_fill) {
        $text .= $self->{rest};
        $self->{rest} = '';
        next if length $text < $most;
        $self->{rest} = $text;
        return;
    }
    return \$text;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Source - the content of a delivery

=head1 DESCRIPTION

Internal to Mail-Wire: a message as the caller has it, a string or something that gives pieces. What
it can be is described under "Data sources" in L<Net::LMTP>. It may change in any
release.

=head1 SEE ALSO

L<Net::LMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
