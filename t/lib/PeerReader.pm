package PeerReader;

# How a server's side of a connection takes what it has read. A class that has it keeps in {in} what was received and not yet taken;
# its `more` adds to that, or dies.

use strict;
use warnings;

# The next line, with its end.
sub raw_line {
    my ($self) = @_;
    my $from = 0;
    while ((my $at = index $self->{in}, "\n", $from) < 0) {
        $from = length $self->{in};
        $self->more;
    }
    return substr $self->{in}, 0, 1 + index($self->{in}, "\n", $from), '';
}

sub bytes {
    my ($self, $size) = @_;
    $self->more while length $self->{in} < $size;
    return substr $self->{in}, 0, $size, '';
}

# What is before the line of one dot, dots and all.
sub data {
    my ($self) = @_;
    my $from = 0;
    while (1) {
        my $end = substr($self->{in}, 0, 3) eq ".\r\n" ? 0 : 2 + index $self->{in}, "\r\n.\r\n", $from;
        return substr substr($self->{in}, 0, $end + 3, ''), 0, $end if $end != 1;
        $from = length $self->{in} > 4 ? length($self->{in}) - 4 : 0;
        $self->more;
    }
}

1;
