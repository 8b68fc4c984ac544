package Mail::Wire::Mailbox::MMDF;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Mailbox::From ();
use Mail::Wire::Mailbox::Window ();

our @ISA = ('Mail::Wire::Mailbox::Window');
our @CARP_NOT = ('Mail::Wire::Mailbox');

# A line of four control characters in front of each message, and another one behind it.
use constant MARK => "\1\1\1\1";

sub _mark { my ($self) = @_; return defined $self->_line(sub { $_[0] eq MARK }) }

sub _begin {
    my ($self) = @_;
    $self->_mark if $self->{is_open};
    $self->{is_open} = $self->_skip_blank or return;
    $self->_mark or $self->{input}->fail('a line of four characters \x01 is due: is it another format?', $self->{base} + $self->{front});
    my $line = $self->_line(\&Mail::Wire::Mailbox::From::is_line);
    return defined $line ? $line : '';
}

sub _end {
    my ($self) = @_;
    my $at = $self->{seen};
    while (($at = index $self->{buffer}, "\n" . MARK, $at) >= 0) {
        last if length $self->{buffer} < $at + 7 and not $self->{is_ended};
        return $at + 1 if substr($self->{buffer}, $at + 5, 2) =~ /\A(?:\r?\n|\r?\z)/;
        $at++;
    }
    my $from = $self->{base} + $self->{front};
    $self->{input}->fail('the message has no line of four characters \x01 behind it: the file is cut', $from) if $self->{is_ended};
    $self->{seen} = $at < 0 ? length($self->{buffer}) - 6 : $at;
    return;
}

1;
