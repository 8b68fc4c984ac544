package Mail::Wire::DataHandle;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Text ();

# What Net::LMTP's datafh and tied_fh tie their handle to. Printing is sending data; closing is ending it. Reading
# gives the lines up to a line of one dot.

sub TIEHANDLE {
    my ($class, $client) = @_;
    return bless { client => $client, buffer => '', ended => 0 }, $class;
}

# More of a message: a close before it was another's.
sub _send {
    my ($self, $text) = @_;
    delete $self->{closed};
    return $self->{client}->datasend($text);
}

sub PRINT {
    my $self = shift;
    my $text = join defined $, ? $, : '', Mail::Wire::Text::strings('print', @_);

    # Not $\ itself: once say has set it, perls before 5.18 go on showing its line end here.
    my $end = _output_record_separator();
    $text .= $end if defined $end;
    return $self->_send($text);
}

sub PRINTF {
    my ($self, $format, @values) = @_;
    return $self->_send(sprintf $format, Mail::Wire::Text::strings('printf', @values));
}

sub WRITE {
    my ($self, undef, $length, $offset) = @_;
    $offset ||= 0;
    $length = length $_[1] if not defined $length;
    my $piece = substr $_[1], $offset, $length;
    return $self->_send($piece) ? length $piece : undef;
}

sub CLOSE {
    my ($self) = @_;
    @{$self}{qw(buffer ended)} = ('', 1);
    $self->{closed} = $self->{client}->dataend if not defined $self->{closed} or $self->{closed};
    return $self->{closed};
}

sub _line {
    my ($self) = @_;
    return if $self->{ended};
    my $line = $self->{client}->getline;
    if (not defined $line or $line =~ /\A\.\r?\n/) {
        $self->{ended} = 1;
        return;
    }
    $line =~ s/\A\.\././;
    return $line;
}

sub READLINE {
    my ($self) = @_;
    if (wantarray) {
        my @lines;
        while (defined(my $line = $self->_line)) { push @lines, $line }
        return @lines;
    }
    return $self->_line;
}

sub READ {
    my ($self, undef, $length, $offset) = @_;
    $offset ||= 0;
    while (length $self->{buffer} < $length) {
        my $line = $self->_line;
        last if not defined $line;
        $self->{buffer} .= $line;
    }
    my $piece = substr $self->{buffer}, 0, $length, '';
    $_[1] = '' if not defined $_[1];
    $_[1] .= "\0" x ($offset - length $_[1]) if $offset > length $_[1];
    substr($_[1], $offset) = $piece;
    return length $piece;
}

sub GETC {
    my ($self) = @_;
    my $byte;
    return $self->READ($byte, 1) ? $byte : undef;
}

sub EOF     { $_[0]{ended} && !length $_[0]{buffer} }
sub BINMODE { 1 }
sub FILENO  { fileno $_[0]{client} }

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::DataHandle - a handle on the message of a Net::LMTP

=head1 DESCRIPTION

What the handles returned by L<Net::LMTP>'s C<datafh> and C<tied_fh> are tied to. There is no other
way to make one, and nothing to call on it: use perl's own functions.

=head1 METHODS

=head2 PRINT, PRINTF, WRITE

C<print>, C<printf>, C<say> and C<syswrite> send data by the client's C<datasend>. C<print> and
C<say> heed C<$,> and C<$\>, and send all of their arguments. True if it was taken; C<syswrite>
returns the number of octets, undef on failure.

=head2 CLOSE

C<close> calls the client's C<dataend>: true if the message was accepted for every recipient.

=head2 READLINE, READ, GETC, EOF

Reading gives the server's lines up to one that is a lone dot, which is the end; doubled dots are
taken back.

=head2 BINMODE, FILENO

C<binmode> does nothing: there are no layers. C<fileno> is the client's descriptor.

=head2 TIEHANDLE

Called by C<tie> with the client.

=head1 SEE ALSO

L<Net::LMTP>.

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl
itself.

=cut
