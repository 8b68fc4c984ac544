package FlightTest;

# Deliveries against FlightServer, judged by what the server really said to which recipient.
#
#   my $server = FlightServer->new;
#   fly($server, 'a server that is one reply over',
#       server   => { keywords => [...], lies => {...} },       # as FlightServer's next
#       client   => { Timeout => 5 },                           # of Net::LMTP's new
#       messages => [ { name => 'm1', to => [ 'a@x', 'no@x' ], data => "text\n", options => {...} }, ... ],
#       how      => 'deliver',                                  # or submit, mixed: the last by deliver, the others by submit
#       short    => { final => 0.1 },                           # seconds for these waits, once the link stands; `quiet` is the half second in which nothing may come, which no option sets
#       short_at => 'm2',                                       # or once this message's turn has come
#       exact    => 1,                                          # the server is honest: every result is what it said
#       waits    => 1,                                          # a wait runs out
#       unseen   => 1,                                          # it cannot be told whose replies they are: see each case
#   );
#
#   my @wrong = side_by_side(sub { my ($server, $job) = @_; ... }, @jobs);
#
# Whatever the server does: each recipient has one result, in order; a success was said to that recipient, of a message that the server
# has whole; maybe_delivered is true exactly if the server may have the whole message and the recipient no answer.

use strict;
use warnings;

use Exporter qw(import);
use Test::More;

use FlightServer;
use Net::LMTP;
use ServerProcess qw(put_frame get_frame);

our @EXPORT = qw(fly flight side_by_side message problems_of connect_to keywords_of wire_form result_text);

my %keywords = (
    'one at a time' => ['8BITMIME'],
    pipelining      => [ 'PIPELINING', '8BITMIME' ],
    chunking        => [ '8BITMIME', 'CHUNKING' ],
    streams         => [ 'PIPELINING', '8BITMIME', 'CHUNKING' ],
);

# The kinds of servers that one may deliver to, or these of them: kind => keywords.
sub keywords_of {
    my @kinds = @_ ? @_ : sort keys %keywords;
    return map { $_ => $keywords{$_} } @kinds;
}

sub message {
    my ($name, @to) = @_;
    return { name => $name, to => \@to, data => "Subject: $name\n\nOne line of $name\n.\n..dots\nno end" };
}

# What arrives of a text.
sub wire_form {
    my ($text) = @_;
    $text =~ s/\r?\n/\r\n/g;
    $text .= "\r\n" if length $text and $text !~ /\r\n\z/;
    return $text;
}

sub connect_to {
    my ($server, %how) = @_;
    $server->next(%{ $how{server} || {} });
    my $lmtp = Net::LMTP->new($server->args, Hello => 'client.example', $server->client_options, %{ $how{client} || {} }, Timeout => 60)
        || die "cannot connect: $@";
    # What is to run out is no greeting, and no LHLO.
    my $timeout = ($how{client} || {})->{Timeout};
    $lmtp->timeout(defined $timeout ? $timeout : 10);
    shorten($lmtp, $how{short}) if !$how{short_at};
    return $lmtp;
}

sub shorten {
    my ($lmtp, $short) = @_;
    $lmtp->_wait_seconds($_, $short->{$_}) for keys %{ $short || {} };
    return;
}

sub arguments {
    my ($message) = @_;
    return (
        From => "$message->{name}\@x",
        To   => $message->{to},
        (exists $message->{data} ? (Data => $message->{data}) : ()),
        %{ $message->{options} || {} },
    );
}

# Runs the deliveries: name => results, and what was wrong with the accounting.
sub run {
    my ($lmtp, $case) = @_;
    my $how = $case->{how} || 'deliver';
    my @messages = @{ $case->{messages} };
    my (%results, @problems, %id);
    my @submitted = $how eq 'deliver' ? () : @messages;
    my @delivered = $how eq 'deliver' ? @messages : ();
    push @delivered, pop @submitted if $how eq 'mixed';
    for my $message (@submitted) {
        my $id = $lmtp->submit(arguments($message));
        $id{$id} = $message->{name};
    }
    for my $message (@delivered) {
        shorten($lmtp, $case->{short}) if ($case->{short_at} || '') eq $message->{name};
        $results{ $message->{name} } = [ $lmtp->deliver(arguments($message)) ];
    }
    my $last = 0;
    while (my $delivery = $lmtp->collect) {
        push @problems, 'not collected in the order of submit' if $delivery->id <= $last;
        $last = $delivery->id;
        my $name = delete $id{$last};
        push(@problems, "id $last collected, which is none or was before"), next if !defined $name;
        $results{$name} = [ $delivery->results ];
    }
    push @problems, "$id{$_} was never collected" for sort { $a <=> $b } keys %id;
    return (\%results, @problems);
}

sub flight {
    my ($server, %case) = @_;
    my $lmtp = connect_to($server, %case);
    my ($results, @problems) = run($lmtp, \%case);
    $case{after}->($lmtp) if $case{after};
    undef $lmtp;
    my $truth = $server->truth;
    return ($results, $truth, @problems, problems_of($results, $truth, \%case));
}

# One test point.
sub fly {
    my ($server, $name, %case) = @_;
    my ($results, $truth, @problems) = flight($server, %case);
    ok !@problems, $name or diag join "\n", @problems, 'said:', @{ $truth->{lines} }, map { told($_, $results->{$_}) } sort keys %$results;
    return ($results, $truth);
}

sub told {
    my ($name, $results) = @_;
    return map {"$name: " . result_text($_)} @$results;
}

sub result_text {
    my ($result) = @_;
    return $result->as_string . ($result->maybe_delivered ? ' maybe' : '');
}

# ---------------------------------------------------------------- side by side

use constant WORKERS => 6;

# Runs $code->($server, $job) for each job, by several processes with a server each: for jobs that wait most of their time. Returns what
# the calls returned, which is to be nothing if nothing is wrong.
sub side_by_side {
    my ($code, @jobs) = @_;
    my @workers = map {
        my $n = $_;
        worker($code, @jobs[ grep { $_ % WORKERS == $n } 0 .. $#jobs ]);
    } 0 .. WORKERS - 1;
    return map { @{ get_frame($_->{control}) || ['a process has ended without an answer'] } } @workers;
}

sub worker {
    my ($code, @jobs) = @_;
    return ServerProcess->new->start(sub {
        my (undef, $control) = @_;
        my $server = FlightServer->new;
        my @wrong = eval { map { $code->($server, $_) } @jobs };
        put_frame($control, [ @wrong, $@ ne '' ? "died: $@" : () ]);
        $server->stop;
    });
}

# ---------------------------------------------------------------- the judge

sub problems_of {
    my ($results, $truth, $case) = @_;
    my @problems = @{ $truth->{problems} };
    my %message = map { $_->{name} => $_ } @{ $case->{messages} };
    for my $name (sort keys %{ $truth->{messages} }) {
        my $there = $truth->{messages}{$name};
        push @problems, "$name: the server has a message that nobody sent" if !$message{$name} and $name ne '';
        push @problems, "$name: what the server has is not what was sent"
            if $there->{ended} and !same_body($message{$name}, $there);
    }
    for my $message (@{ $case->{messages} }) {
        my $name = $message->{name};
        push @problems, map {"$name: $_"}
            judge_message($message, $results->{$name}, $truth->{messages}{$name}, $truth, $case);
    }
    return @problems;
}

sub same_body {
    my ($message, $there) = @_;
    return 0 if !$message;
    my $sent = exists $message->{text} ? $message->{text} : $message->{data};
    return $there->{body} eq wire_form($sent);
}

sub unsendable {
    my ($address) = @_;
    return $address =~ /[\r\n\0]|[^\x00-\x7f]|> / || length $address > 1002;
}

sub judge_message {
    my ($message, $results, $there, $truth, $case) = @_;
    my @to = map { ref $_ ? $_->[0] : $_ } @{ $message->{to} };
    return 'no results' if !$results;
    return scalar(@$results) . ' results for ' . @to . ' recipients' if @$results != @to;
    my ($place, @problems) = (0);
    for my $i (0 .. $#to) {
        my $result = $results->[$i];
        push @problems, "result $i says it is " . $result->index if $result->index != $i;
        my $octets = $to[$i];
        utf8::encode($octets) if $octets =~ /[^\x00-\xff]/ or not utf8::decode(my $copy = $octets);
        push @problems, "result $i is for " . $result->recipient if $result->recipient ne $octets;
        if (unsendable($to[$i])) {
            push @problems, "unsendable $i is " . result_text($result)
                if $result->code != 553 || $result->stage !~ /\A(?:rcpt|mail)\z/ || $result->maybe_delivered;
            next;
        }
        my $rcpt = $there && $there->{rcpts}[$place];
        my $said = said($there, $rcpt, $truth->{given} || {}, $message->{name}, $place);
        push @problems, map {"recipient $i: $_: " . result_text($result)}
            judge_result($result, $to[$i], $there, $rcpt, $said, { %$case, cut => $truth->{cut} });
        $place++;
    }
    return @problems;
}

# What the server said to a recipient: { stage, text }, or undef when nothing was.
sub said {
    my ($there, $rcpt, $given, $name, $place) = @_;
    return if !$there;
    return { stage => 'mail', text => $there->{refusal} }
        if defined $there->{refusal} and $given->{"mail $name"};
    return if !$rcpt;
    return { stage => 'rcpt', text => $rcpt->{refusal} }
        if defined $rcpt->{refusal} and $given->{"rcpt $name $place"};
    return { stage => 'data', text => $there->{data_refusal} }
        if defined $there->{data_refusal} and $given->{"data $name"};
    my $code = $given->{"final $name $place"};
    return { stage => 'final', text => $rcpt->{final}, code => $code } if $code;
    return;
}

# Bytes that the server has not read may have been the rest of the message. By DATA they are sent when it wants them; by BDAT also when it does not, and then it
# may not be believed that it didn't.
sub may_have_it {
    my ($there, $case) = @_;
    my $streams = 2 == grep { $_ eq 'CHUNKING' || $_ eq 'PIPELINING' } @{ $case->{server}{keywords} || [] };
    my $wanted = $there && $there->{wanted};
    return $case->{cut} ? $streams || $wanted : $streams && $wanted;
}

sub text_of {
    my ($reply) = @_;
    return join "\n", map { substr $_, 4 } split /\r\n/, $reply;
}

# In a group of commands an anchor or a fence shows whose replies they were. Behind the last final reply there is nothing to show it by, nor when
# no more replies come: what was answered counts then.
sub is_refused_in_group {
    my ($result, $case) = @_;
    return 0 if $result->is_success or $result->code == 421 or $result->stage !~ /\A(?:mail|rcpt|data)\z/ or $case->{unseen} or $case->{waits};
    return scalar grep { $_ eq 'PIPELINING' } @{ $case->{server}{keywords} || [] };
}

sub judge_result {
    my ($result, $address, $there, $rcpt, $said, $case) = @_;
    my @problems;
    if ($result->is_success) {
        push @problems, 'a success of another' if $rcpt and $rcpt->{address} ne $address;
        push @problems, 'a success that the server did not say to it'
            if !$case->{unseen} && (!$said || $said->{stage} ne 'final' || $said->{code} !~ /\A2/) || !$there->{ended};
        push @problems, 'a success of stage ' . $result->stage if $result->stage ne 'final';
    }
    push @problems, 'a refusal that the server did not say to it'
        if is_refused_in_group($result, $case) && !($said && text_of($said->{text}) eq $result->message);
    push @problems, 'maybe delivered, and it was answered' if $result->maybe_delivered and $result->code != 421;
    push @problems, 'maybe delivered, and of stage ' . $result->stage if $result->maybe_delivered and $result->stage ne 'final';
    push @problems, 'a code of ' . $result->code if $result->code !~ /\A[245][0-9][0-9]\z/;
    my $has_it = $there && $there->{ended} && $rcpt && $rcpt->{accepted};
    push @problems, 'not maybe delivered, but the server has it all'
        if $result->code == 421 && $has_it && !$result->maybe_delivered && !$case->{unseen}
        && !($said && $said->{code} && $said->{code} == 421);
    push @problems, 'maybe delivered, but the server does not have it all'
        if $result->maybe_delivered && !($there && $there->{ended}) && !may_have_it($there, $case);
    if ($case->{exact} and $said) {
        my $stage = $said->{stage} eq 'data' && $case->{body} ? 'body' : $said->{stage};
        push @problems, "the server said '$said->{text}' ($said->{stage})"
            if $result->code ne substr($said->{text}, 0, 3) || $result->message ne text_of($said->{text})
            || $said->{stage} ne 'data' && $result->stage ne $said->{stage};
    }
    elsif ($case->{exact}) {
        push @problems, 'the server said nothing to it';
    }
    return @problems;
}

1;
