package Sweep::Truth;

# What the peer knows about a run: to whom it said what in full, which messages it has, and what the client can have sent.
#
#   my $truth = Sweep::Truth->new($mode, $fault, @sessions);

use strict;
use warnings;

sub new {
    my ($class, $mode, $fault, @sessions) = @_;
    my $self = bless { mode => $mode, fault => $fault, sessions => \@sessions }, $class;
    $self->{said} = [ map { replies($_, $sessions[$_]) } 0 .. $#sessions ];
    $self->{by_point} = { map { $_->{point} => $_ } @{ $self->{said} } };
    return $self;
}

# A session's replies. full: written to its last byte, and nothing went amiss with it; arrived: so, or nearly so.
sub replies {
    my ($n, $session) = @_;
    my $struck = $session->{struck};
    my @list;
    for my $reply (@{ $session->{said} }) {
        my ($point, $code, $start, $end) = @$reply;
        my $spoilt = $session->{spoilt}{$point} || '';
        push @list, {
            session => $n, point => $point, code => $code, start => $start, end => $end, blurred => $spoilt eq 'blurred',
            full    => $spoilt eq '' && $end <= $session->{put},
            before  => !$struck || $end <= $struck->{put},
            apart   => !$struck || $end <= $struck->{piece},
        };
    }
    # Two replies in one line.
    if ($session->{joins_next}) {
        my ($i) = grep { $list[$_]{blurred} } 0 .. $#list;
        @{ $list[ $i + 1 ] }{qw(full blurred)} = (0, 1) if defined $i and $i < $#list;
    }
    return @list;
}

sub said { $_[0]{by_point}{ $_[1] } }

# What answers a recipient: a reply, or undef.
sub answer {
    my ($self, $name, $i) = @_;
    my $rcpt = $self->said("rcpt $name $i");
    return $rcpt if $rcpt and $rcpt->{code} >= 400;
    return $self->said("final $name $i");
}

sub struck { $_[0]{sessions}[0] && $_[0]{sessions}[0]{struck} }

# The message as servers have it; what is wrong if there is more than one.
sub message {
    my ($self, $name) = @_;
    my @found = grep {defined} map { $_->{messages}{$name} } @{ $self->{sessions} };
    my ($ended) = grep { $_->{ended} } @found;
    return $ended || $found[0];
}

sub times_ended {
    my ($self, $name) = @_;
    return scalar grep { $_->{messages}{$name} && $_->{messages}{$name}{ended} } @{ $self->{sessions} };
}

# ---------------------------------------------------------------- what was sent

# Behind the message's last byte among those that a session saw; undef if that is not there.
sub end_seen {
    my ($self, $message, $session) = @_;
    my $pattern = $message->{end} ||= $self->{mode}{protocol} eq 'lmtp' ? lmtp_end($message) : qmtp_end($message);
    return $session->{seen} =~ $pattern ? $+[0] : undef;
}

sub lmtp_end {
    my ($message) = @_;
    my $name = $message->{name};
    return qr/end of $name\r\n\.\r\n|BDAT [0-9]+ LAST\r\n(?:(?!MAIL FROM).)*?end of $name\r\n/s;
}

sub qmtp_end {
    my ($message) = @_;
    my $list = join '', map { netstring("$_\@x") } @{ $message->{to} };
    my $package = netstring($message->{wire}) . netstring("$message->{name}\@x") . netstring($list);
    return qr/\Q$package\E/;
}

sub netstring { return length($_[0]) . ":$_[0]," }

# Did the client send the message to its end? 1, 0, or undef when that cannot be known.
sub sent {
    my ($self, $message) = @_;
    my $known = 1;
    for my $session (@{ $self->{sessions} }) {
        return 1 if defined $self->end_seen($message, $session);
        $known = 0 if !$session->{whole};
    }
    return 0 if $known or !$self->may_be_sent($message);
    return undef;    ## no critic (ProhibitExplicitReturnUndef)
}

# By DATA the end is not sent before 354, by several BDATs not before the reply to the first.
sub may_be_sent {
    my ($self, $message) = @_;
    my $mode = $self->{mode};
    return 1 if $mode->{protocol} eq 'qmtp';
    return 1 if $mode->{fenced} and @{ $message->{to} } == 1 and grep { $_ eq 'CHUNKING' } @{ $mode->{keywords} };
    my $key = $self->said($mode->{style} eq 'bdat' ? "chunk $message->{name} 0" : "data $message->{name}");
    return $key && ($key->{full} || $key->{blurred}) ? 1 : 0;
}

# Was anything sent behind the message's end?
sub followed {
    my ($self, $message) = @_;
    for my $session (@{ $self->{sessions} }) {
        my $end = $self->end_seen($message, $session);
        return $end < length $session->{seen} || !$session->{whole} if defined $end;
    }
    return 0;
}

# Did the message go by DATA, and was nothing but a LHLO sent behind its end, and no reply made unreadable?
sub fenced_alone {
    my ($self, $message) = @_;
    for my $session (@{ $self->{sessions} }) {
        my $end = $self->end_seen($message, $session);
        next if !defined $end;
        return substr($session->{seen}, 0, $end) =~ /\r\n\.\r\n\z/ && substr($session->{seen}, $end) =~ /\A(?:LHLO [^\r]*\r\n)?\z/
            && $session->{whole} && !%{ $session->{spoilt} };
    }
    return 0;
}

# Was a reply asked for, behind the message's end, that cannot be taken for another?
sub anchor_asked {
    my ($self, $message) = @_;
    for my $session (@{ $self->{sessions} }) {
        my $end = $self->end_seen($message, $session);
        return substr($session->{seen}, $end) =~ /^(?:LHLO|DATA\r\n)/m || !$session->{whole} if defined $end;
    }
    return 0;
}

# Did an anchor arrive behind this reply? None is in its place behind a lie.
sub anchored {
    my ($self, $reply) = @_;
    my $lies = $self->{fault}{lies};
    return scalar grep { $_->{full} && (!$lies || $_->{apart}) && $_->{start} >= $reply->{end} && ($_->{point} =~ /\Alhlo/ || $_->{code} == 354) }
        @{ $self->{said} };
}

1;
