package Mail::Wire::Command::Plan;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Command qw(:all);
use Mail::Wire::Command::Connection ();
use Mail::Wire::Command::Import ();
use Mail::Wire::Import::Sources ();
use Mail::Wire::Queue ();
use Mail::Wire::Queue::Manifest ();
use Mail::Wire::Words ();
use Time::HiRes ();

# mailwire plan: mailboxes are read once, and become ranges of messages in a queue, for workers on many machines.

use constant OPTIONS => qw(
    queue=s range=i from|f=s from-header=s to=s@ to-header=s map=s folders labels not-label=s@ separator=s hierarchy=s format=s again=s quiet|q);

use constant { RANGE => 1000, RANGE_MAX => 100_000 };

# Answers that --again is for.
use constant AGAIN => qw(deferral doubt unread skipped failure);

sub run {
    my ($class, @arguments) = @_;
    my $option = options($class, \@arguments, OPTIONS);
    fail(USAGE, "--range: from 1 to ${\ RANGE_MAX}") if defined $option->{range} and ($option->{range} < 1 or $option->{range} > RANGE_MAX);
    return _again($option, @arguments) if defined $option->{again};
    my $url = Mail::Wire::Command::Connection::take_url(\@arguments);
    Mail::Wire::Command::Import::_check($option, $url, @arguments);
    fail(USAGE, '- is standard input, which other machines do not have') if grep { $_ eq '-' } @arguments;
    my $self = bless {
        option => $option, envelope => Mail::Wire::Command::Import::_usable(USAGE, sub { Mail::Wire::Command::Import::_envelope($option) }),
        sources => Mail::Wire::Import::Sources->new(paths => \@arguments, format => $option->{format}), code => OK,
        queue => queue_of($option), manifest => Mail::Wire::Queue::Manifest->new, lines => [], recipients => 0,
        count => { ranges => 0, messages => 0, recipients => 0, nobody => 0 },
    }, $class;
    $self->{plan} = $self->{queue}->store->add_plan($url);
    $self->_read;
    $self->_tell;
    return $self->{code};
}

# Of --queue, or MAILWIRE_QUEUE: a password is not for the command line.
sub queue_of {
    my ($option, %in) = @_;
    my $url = defined $option->{queue} ? $option->{queue} : $ENV{MAILWIRE_QUEUE};
    fail(USAGE, 'no queue: give --queue postgresql://USER@HOST/DATABASE, or set MAILWIRE_QUEUE') if not defined $url or not length $url;
    my $queue = eval { Mail::Wire::Queue->new($url, %in) };
    return $queue if $queue;
    my $error = Mail::Wire::Words::said($@);
    return fail($error =~ /\Aa queue / ? USAGE : UNAVAILABLE, "the queue: $error");
}

# Nothing is sent before all was read: a plan that was stopped has no jobs.
sub _read {
    my ($self) = @_;
    while (1) {
        fail(TRY_AGAIN, 'stopped: nothing of this plan is sent') if defined stopped();
        my $message;
        if (not eval { $message = $self->{sources}->next; 1 }) {
            $self->_unread($@);
            next;
        }
        last if not $message;
        $self->_add($message);
    }
    $self->_end_range;
    $self->{queue}->store->whole($self->{plan});
    _give_jobs($self->{queue});
    return;
}

# Workers do it as well: where this one ends earlier, the ranges wait for them.
sub _give_jobs {
    my ($queue) = @_;
    while ($queue->give_jobs and not defined stopped()) { Time::HiRes::sleep(0.1) }
    return;
}

sub _unread {
    my ($self, $error) = @_;
    print STDERR 'mailwire plan: not read: ', Mail::Wire::Words::said($error), "\n";
    $self->{code} = NO_INPUT;
    return;
}

sub _add {
    my ($self, $message) = @_;
    my @recipients = $self->{envelope}->recipients($message);
    return $self->{count}{nobody}++ if not @recipients;
    my $line = eval { $self->{manifest}->line($message, $self->{envelope}->sender($message), @recipients) };
    return $self->_unread($@) if not defined $line;
    push @{ $self->{lines} }, $line;
    $self->{recipients} += @recipients;
    $self->_end_range if @{ $self->{lines} } >= ($self->{option}{range} || RANGE);
    return;
}

sub _end_range {
    my ($self) = @_;
    my $lines = $self->{lines};
    return if not @$lines;
    $self->{queue}->store->add_range($self->{plan}, $lines, $self->{recipients});
    my $count = $self->{count};
    $count->{ranges}++;
    $count->{messages} += @$lines;
    $count->{recipients} += $self->{recipients};
    @{$self}{qw(lines recipients)} = ([], 0);
    return;
}

# ---------------------------------------------------------------- again

# Those who have these answers are sent to once more.
sub _again {
    my ($option, @arguments) = @_;
    fail(USAGE, "--again: what is $arguments[0] for? The messages are those of earlier plans") if @arguments;
    my @not_its = grep { !/\A(?:again|queue|range|quiet)\z/ } sort keys %$option;
    fail(USAGE, "--again and --$not_its[0]: senders and recipients are those of earlier plans") if @not_its;
    my @status = split /,/, $option->{again}, -1;
    my @wrong = grep { my $status = $_; !grep { $_ eq $status } AGAIN } @status;
    fail(USAGE, "--again $option->{again}: one or more of " . join ',', AGAIN) if @wrong or not @status;
    my $queue = queue_of($option);
    my @plans = $queue->again($option->{range} || RANGE, @status);
    _give_jobs($queue);
    return OK if $option->{quiet};
    say_out("nobody has such an answer\n") if not @plans;
    say_out("plan $_->{plan}, of plan $_->{of}: $_->{messages} messages for $_->{recipients} recipients in $_->{ranges} ranges\n") foreach @plans;
    return OK;
}

# ---------------------------------------------------------------- the end

sub _tell {
    my ($self) = @_;
    my $count = $self->{count};
    my $nobody = $count->{nobody} ? ", $count->{nobody} messages have no recipient: nobody gets them" : '';
    $self->{code} = REFUSED if $nobody and $self->{code} == OK and not defined $self->{option}{map};
    say_out("plan $self->{plan}: $count->{messages} messages for $count->{recipients} recipients in $count->{ranges} ranges$nobody\n")
        if not $self->{option}{quiet};
    return;
}

1;

__END__

=encoding utf8

=head1 NAME

Mail::Wire::Command::Plan - mailwire plan: an import for many machines

=head1 SYNOPSIS

    mailwire plan URL PATH ... --queue postgresql://USER@HOST/DATABASE
    mailwire plan --again deferral --queue ...

    Reads mailboxes, and writes ranges of messages into a queue. On any
    machine that sees the same paths "mailwire worker" sends them;
    "mailwire status" says how it stands.

      --queue URL              or sqlite:PATH; else MAILWIRE_QUEUE
      --range 1000             messages in each range
      --to ADDRESS             recipients; or
      --to-header LIST         from the first of these fields (Delivered-To)
      --map FILE               ADDRESS RECIPIENT ... lines; .pl: Perl code
      --folders, --labels      to user+FOLDER; by Gmail's labels
      --separator +, --hierarchy /, --not-label NAME   how these are written
      -f, --from ADDRESS       sender; else the mailbox's, else none
      --from-header LIST       from the first of these fields
      --format NAME            mbox, mboxrd, mboxcl, takeout, maildir, eml ...
      --again LIST             in place of mailboxes: who has these answers of
                               status once more: deferral,doubt,unread ...
      -q, --quiet

=head1 DESCRIPTION

For an import that is too much for one machine. The mailboxes are read once, here; who sends each message, and to whom, is settled here, by the
options of L<mailwire import|Mail::Wire::Command::Import>, and workers need no map. The queue is a database of PostgreSQL that all machines
reach (Debian: C<libminion-perl>, C<libmojo-pg-perl>), or for one machine a file of SQLite (C<libminion-backend-sqlite-perl>). Its jobs are
L<Minion>'s; tables of its own, C<mailwire_plan>, C<mailwire_range> and C<mailwire_row>, have what became of each recipient.

Paths become absolute ones, and are to be the same on each machine. Messages of archives and packed files cannot be planned: unpack them. Nobody is
to write to the mailboxes before all is sent: a message that is not there any more, or is another one, is not sent. In Maildirs flags may change.

No mail is sent before everything was read. A plan that was stopped before that sends nothing, and does no harm. One that was stopped, or killed,
behind that is sent: whichever worker comes first puts the rest of its ranges into the queue. Each C<plan> is one of its own: twice the same sends
everything twice.

=head2 Once more

C<--again deferral> makes plans of those recipients of earlier ones whom a server has put off, one for each of these, to the same URL. Each is
taken over once: its row has the status C<again> then, and where two commands do it at once, or one is killed, nobody is in two plans or in
none. So it is with C<doubt>, for whom a message may come twice; C<unread>, when the files are there again; C<skipped>; and C<failure>. Only the
statuses that are named are taken.

=head2 How large

A message takes some 40 bytes in the queue, and each recipient who has an answer a row of about 175 bytes, with its index: a million messages are
220 MB. C<--range>: a job costs a few queries, so that 1,000 messages in each are enough; smaller ones are shared out more evenly at the end, and
100,000 is the most. L<Mail::Wire::Manual::Capacity> reckons with a hundred machines.

=head1 SEE ALSO

L<mailwire>, L<Mail::Wire::Manual::Machines>, L<Mail::Wire::Manual::Capacity>,
L<Mail::Wire::Command::Plan>, L<Mail::Wire::Command::Worker>, L<Mail::Wire::Command::Status>, L<Mail::Wire::Command::Import>

=head1 AUTHOR

The Mail-Wire authors

=head1 LICENSE

This library is free software; you can redistribute it and/or modify it under the same terms as Perl itself.

=cut
