package Mail::Wire::Source;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Errno qw(EAGAIN EWOULDBLOCK);
use Fcntl qw(F_GETFL O_ACCMODE O_WRONLY);
use IO::Handle ();
use Scalar::Util qw(blessed openhandle reftype);

our @CARP_NOT = ('Net::LMTP', 'Net::QMTP', 'Mail::Wire::Client', 'Mail::Wire::Deliveries', 'Mail::Wire::Packages');

# A message's content as the caller has it: a string that is there, or something that gives pieces.

use constant PIECE => 65536;

# Arguments: the caller's Data and File. Croaks unless there is one of them, usable.
sub new {
    my ($class, $data, $file) = @_;
    croak 'Data or File is needed, and not both' if defined $data == defined $file;
    my $self = bless {}, $class;
    return defined $file ? $self->_file($file) : $self->_data($data);
}

sub _file {
    my ($self, $name) = @_;
    croak 'File has a name with a NUL in it' if $name =~ /\0/;
    open my $fh, '<', $name or croak "cannot read $name: $!";
    binmode $fh;
    croak "cannot read $name: it is a directory" if -d $fh;
    @{$self}{qw(size file)} = (-s _, $fh) if -f $fh;
    $self->{next} = _reader($fh, $name);
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
    if ($type eq 'GLOB' and openhandle($data)) { $self->_handle($data) }
    elsif (not ref $data or _is_text($data)) {
        $self->{text} = \"$data";
    }
    elsif ($type eq 'SCALAR' and defined $$data) { $self->{text} = \(my $kept = $$data) }
    elsif ($type eq 'ARRAY') { $self->{text} = _joined($data) }
    elsif ($type eq 'CODE')  { $self->{next} = $data }
    elsif (openhandle($data)) { $self->_handle($data) }
    else { croak 'Data must be a string, or a reference to a string, a list, code or an open handle' }
    return $self;
}

# An object that has a string's form of its own.
sub _is_text { blessed $_[0] && $_[0]->can('(""') }

sub _joined {
    my ($lines) = @_;
    foreach my $line (@$lines) {
        next if defined $line and not ref $line;
        croak 'Data has an undefined line' if not defined $line;
        croak 'Data has a reference in its list' if not _is_text($line);
    }
    return \join '', @$lines;
}

sub _handle {
    my ($self, $fh) = @_;
    croak 'Data is a handle that is open for writing only' if _is_write_only($fh);
    $self->{file} = $fh if _is_plain($fh);
    $self->{next} = _reader($fh, 'the handle');
    return;
}

sub _is_write_only {
    my ($fh) = @_;
    my $fd = tied *$fh ? undef : fileno $fh;
    return 0 if not defined $fd or $fd < 0;
    my $flags = fcntl $fh, F_GETFL, 0;
    return defined $flags && ($flags & O_ACCMODE) == O_WRONLY;
}

# True for a handle on a plain file that gives its bytes as they are.
sub _is_plain {
    my ($fh) = @_;
    return 0 if tied *$fh or not -f $fh;
    my @layers = PerlIO::get_layers($fh);
    return @layers && !grep { !/\A(?:unix|perlio)\z/ } @layers;
}

# Whether there was nothing to read yet, from a handle that does not block: then waits until there is.
sub _wait_for {
    my ($fh) = @_;
    return 0 if $! != EAGAIN and $! != EWOULDBLOCK;
    my $fd = tied *$fh ? undef : fileno $fh;
    return 0 if not defined $fd or $fd < 0;
    vec(my $ready = '', $fd, 1) = 1;
    select $ready, undef, undef, undef;
    IO::Handle::clearerr($fh);
    return 1;
}

sub _reader {
    my ($fh, $name) = @_;
    return sub {
        my ($got, $piece);
        until (defined($got = read $fh, $piece, PIECE)) {
            die "cannot read $name: $!\n" if not _wait_for($fh);
        }
        return $got ? $piece : undef;
    };
}

# A handle on the plain file that the content is the rest of, if it is one.
sub file { $_[0]{file} }

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

# Whether there is a piece: it is in `rest`.
sub _fill {
    my ($self) = @_;
    while (not length $self->{rest}) {
        my $piece = $self->{ended} ? undef : $self->{next}->();
        die "the code of Data returned a reference\n" if ref $piece and not _is_text($piece);
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

# Gets the first piece, which stays the next one. A reference to it.
sub prime {
    my ($self) = @_;
    return $self->_fill ? \$self->{rest} : \'';
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
