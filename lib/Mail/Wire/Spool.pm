package Mail::Wire::Spool;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Carp qw(croak);
use Fcntl qw(SEEK_END);
use File::Temp ();
use Mail::Wire::Fault ();
use Mail::Wire::Standard ();

our @CARP_NOT = ('Mail::Wire::Source');

# A message's content whose size is known before its first byte is sent: a text in memory, or a stretch of a plain file.

# Content of unknown size is gathered in memory up to this, then in a temporary file.
use constant MEMORY_MAX => 1024 * 1024;

# From a Mail::Wire::Source. Dies for what cannot be read, and with what the caller's code died of.
sub new {
    my ($class, $source) = @_;
    my $self = bless {}, $class;
    if (my $text = $source->text) {
        $self->{text} = utf8::is_utf8($$text) ? _octets($$text) : $text;
    }
    elsif ($source->file) {
        $self->_stretch($source);
    }
    else {
        $self->_gather($source);
    }
    return $self;
}

# A reference to the text; undef when it is a stretch of a file:
sub text { $_[0]{text} }

# its handle, its first byte, its length, and whether the file may go on behind it.
sub stretch { @{ $_[0] }{qw(handle offset size is_part)} }

sub size { $_[0]{text} ? length ${ $_[0]{text} } : $_[0]{size} }

sub _octets {
    my ($text) = @_;
    utf8::downgrade($text, 1)
        or croak 'Wide character in a message: encode the text first, for example with Encode::encode';
    return \$text;
}

# The rest of the file, or a part of it, of which a handle of our own stays open whatever becomes of the caller's.
sub _stretch {
    my ($self, $source) = @_;
    my ($file, $offset, $size) = ($source->file, $source->start, $source->left);
    $source->check;
    return $self->_small($source, $size) if $source->is_small;
    my $own;
    Mail::Wire::Standard::apart(sub { open $own, '<&', $file }) or Mail::Wire::Fault::throw("cannot read the file: $!");
    seek $file, 0, SEEK_END if not $source->is_part;
    @{$self}{qw(handle offset size is_part)} = ($own, $offset, $size, $source->is_part);
    return;
}

sub _small {
    my ($self, $source, $size) = @_;
    my $got = read $source->file, my $text, $size + ($source->is_part ? 0 : 1);
    Mail::Wire::Fault::throw("cannot read the file: $!") if not defined $got;
    Mail::Wire::Fault::throw('the file changed while it was read') if $got != $size;
    $source->check;
    $self->{text} = \$text;
    return;
}

sub _gather {
    my ($self, $source) = @_;
    my ($text, $size, $handle) = ('', 0);
    while (defined(my $piece = $source->next)) {
        $piece = ${ _octets($piece) } if utf8::is_utf8($piece);
        $size += length $piece;
        $text .= $piece;
        next if not $handle and length $text <= MEMORY_MAX;
        $handle ||= _temporary();
        print {$handle} $text or Mail::Wire::Fault::throw("cannot write a temporary file: $!");
        $text = '';
    }
    if ($handle) {
        $handle->flush or Mail::Wire::Fault::throw("cannot write a temporary file: $!");
        @{$self}{qw(handle offset size)} = ($handle, 0, $size);
    }
    else {
        $self->{text} = \$text;
    }
    return;
}

# Without a name: it goes with its handle.
sub _temporary {
    my ($handle, $name);
    my ($ok, $error) = Mail::Wire::Client::_try(sub {
        Mail::Wire::Standard::apart(sub { ($handle, $name) = File::Temp::tempfile('mail-wire-XXXXXXXX', TMPDIR => 1) });
    });

    # File::Temp croaks; a caller's handler may have died.
    if (not $ok) {
        die $error if ref $error or $error !~ /\AError in tempfile/;
        Mail::Wire::Fault::throw("cannot make a temporary file: $error");
    }
    unlink $name;
    binmode $handle;
    return $handle;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Spool - a message whose size is known

=head1 DESCRIPTION

Internal to Mail-Wire: takes what a caller gives for a message and makes a text in memory of it, or a
stretch of a file.
It may change in any release.

=head1 SEE ALSO

L<Net::QMTP>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
