package Mail::Wire::Mailbox::Window;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Mailbox::From ();
use Mail::Wire::Mailbox::Input ();
use Mail::Wire::Mailbox::Message ();

our @CARP_NOT = ('Mail::Wire::Mailbox');

# Messages that follow one another in an input, with lines between them: a buffer that moves over it. `base` says where in the input it
# begins, `front` where in it the next byte of the message is, and up to `seen` it was looked through. Fields: input, folder; `of`, what
# else each message has.
#
# Each class brings
#
#   _begin   moves front to the next message's first byte, and returns the From_ line; undef: there is no message, '': no such line
#   _end     where the message ends; undef: that cannot be told before there is more, and what is in front of `seen` is seen

use constant LINE_MAX => Mail::Wire::Mailbox::From::LINE_MAX;

# What is kept in front of `front` or `seen`: two ends of lines.
use constant KEPT => 4;

sub new {
    my ($class, $input, $folder, %of) = @_;
    return bless { input => $input, folder => $folder, of => \%of, buffer => '', base => 0, front => 0, seen => 0, is_ended => 0 }, $class;
}

sub _fill {
    my ($self) = @_;
    my $gone = $self->{front} - KEPT;
    if ($gone > 0) {
        substr $self->{buffer}, 0, $gone, '';
        $self->{base} += $gone;
        $_ -= $gone for @{$self}{qw(front seen)};
    }
    $self->{is_ended} = !$self->{input}->read_to(\$self->{buffer});
    return;
}

# ---------------------------------------------------------------- lines between messages

# Where the line at the front ends; undef: it is longer than those that are looked for.
sub _line_end {
    my ($self) = @_;
    my $end;
    while (($end = 1 + index $self->{buffer}, "\n", $self->{front}) == 0) {
        return length $self->{buffer} if $self->{is_ended};
        last if length($self->{buffer}) - $self->{front} > LINE_MAX;
        $self->_fill;
    }
    return $end && $end - $self->{front} <= LINE_MAX ? $end : undef;
}

# The line at the front, without its end, which the front moves behind if it is one that the code takes.
sub _line {
    my ($self, $takes) = @_;
    my $end = $self->_line_end or return;
    my $line = substr $self->{buffer}, $self->{front}, $end - $self->{front};
    return if not length $line;
    $line =~ s/\r?\n\z//;
    return if not $takes->($line);
    $self->{front} = $end;
    return $line;
}

# Goes on behind blank lines. False at the end.
sub _skip_blank {
    my ($self) = @_;
    1 while defined $self->_line(sub { $_[0] eq '' });
    return $self->{front} < length $self->{buffer};
}

# ---------------------------------------------------------------- messages

# Goes on to what is not seen yet.
sub _go_on {
    my ($self) = @_;
    $self->{front} = $self->{seen} if $self->{seen} > $self->{front};
    $self->_fill;
    return;
}

# Of a stream, where a message is gathered while its end is looked for.
sub _spool {
    my ($self) = @_;
    my $is_over = 0;
    return Mail::Wire::Mailbox::Input::spooled(sub {
        while (not $is_over) {
            my ($end, $from) = (scalar $self->_end, $self->{front});
            $is_over = defined $end;
            $end = $self->{seen} if not defined $end;
            my $piece = $end > $from ? substr $self->{buffer}, $from, $end - $from : '';
            if   ($is_over) { $self->{front} = $end }
            else            { $self->_go_on }
            return $piece if length $piece;
        }
        return;
    });
}

sub next {
    my ($self) = @_;
    my $line = $self->_begin;
    return if not defined $line;
    my $input = $self->{input};
    my ($offset, $end, $spool) = $self->{base} + $self->{front};
    $self->{seen} = $self->{front} - 1;
    if ($input->{file}) {
        $self->_go_on until defined($end = $self->_end);
        $self->{front} = $end;
    }
    else {
        $spool = $self->_spool;
    }
    my $message = {
        input => $input, folder => $self->{folder}, of => $self->{of}, from_line => $line, offset => $offset,
        length => $spool ? $spool->size : $self->{base} + $end - $offset,
    };
    $message->{spool} = $spool if $spool;
    return bless $message, 'Mail::Wire::Mailbox::Message';
}

1;
